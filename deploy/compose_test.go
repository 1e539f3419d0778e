package deploy_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// compose reads docker-compose.yml as Compose does, with these settings and
// nothing of ours.
func compose(t *testing.T, settings map[string]string) *types.Project {
	t.Helper()
	var env []string
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{"../docker-compose.yml"}, cli.WithEnv(env), cli.WithDefaultProfiles())
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func localSettings(t *testing.T) map[string]string {
	t.Helper()
	settings, err := dotenv.Read("compose/local.env")
	require.NoError(t, err)
	return settings
}

// everything is all services, with the settings for this machine.
func everything(t *testing.T) types.Services {
	t.Helper()
	return compose(t, localSettings(t)).AllServices()
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// ours are the services with a program of ours, and the program.
var ours = map[string]string{"worker": "worker", "webhook": "webhook", "parley": "parley", "simulator": "simulator"}

func TestWhichCommandStartsWhat(t *testing.T) {
	t.Parallel()
	cloud := map[string]string{"TEMPORAL_ADDRESS": "sms.acct.tmprl.cloud:7233", "TEMPORAL_NAMESPACE": "sms.acct"}
	bundled := []string{"postgres", "temporal", "temporal-namespace", "temporal-schema"}
	for name, test := range map[string]struct {
		settings map[string]string
		named    []string
		want     []string
	}{
		"up, on this machine":              {localSettings(t), nil, append(bundled, "simulator", "temporal-ui", "webhook", "worker")},
		"up worker, on this machine":       {localSettings(t), []string{"worker"}, append(bundled, "worker")},
		"up, with Temporal Cloud":          {cloud, nil, []string{"webhook", "worker"}},
		"up both, with Temporal Cloud":     {cloud, []string{"worker", "webhook"}, []string{"webhook", "worker"}},
		"run parley, with Temporal Cloud":  {cloud, []string{"parley"}, []string{"parley"}},
		"run parley, on this machine":      {localSettings(t), []string{"parley"}, []string{"parley"}},
		"up simulator with Temporal Cloud": {cloud, []string{"simulator"}, []string{"simulator"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project, err := compose(t, test.settings).WithServicesEnabled(test.named...)
			require.NoError(t, err)
			project, err = project.WithSelectedServices(test.named)
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, sorted(project.Services))
		})
	}
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z/-]+:[0-9]+[0-9.]*$`)
	for name, service := range everything(t) {
		if ours[name] != "" {
			require.Equal(t, "parley:local", service.Image)
			require.NotNil(t, service.Build, name)
			continue
		}
		require.Regexp(t, pinned, service.Image, name)
		require.NotContains(t, service.Image, "auto-setup", "it gets no updates any more")
	}
	for _, from := range regexp.MustCompile(`(?m)^FROM (.*)$`).FindAllStringSubmatch(read(t, "../Dockerfile"), -1) {
		image := strings.Fields(strings.TrimPrefix(from[1], "--platform=$BUILDPLATFORM "))[0]
		if image != "scratch" {
			require.Regexp(t, pinned, image)
		}
	}
}

// What Compose runs is what the tests run.
func TestTemporalIsTheOneThatIsTested(t *testing.T) {
	t.Parallel()
	modules := read(t, "../devserver/go.mod")
	version := func(module string) string {
		found := regexp.MustCompile(regexp.QuoteMeta(module) + ` v(\S+)`).FindStringSubmatch(modules)
		require.NotNil(t, found, module)
		return found[1]
	}
	services := everything(t)
	require.Equal(t, "temporalio/server:"+version("go.temporal.io/server"), services["temporal"].Image)
	require.Equal(t, "temporalio/ui:"+version("github.com/temporalio/ui-server/v2"), services["temporal-ui"].Image)
	for _, job := range []string{"temporal-schema", "temporal-namespace"} {
		require.Equal(t, "temporalio/admin-tools:"+version("go.temporal.io/server"), services[job].Image)
	}
}

func TestImageHasThePrograms(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "../Dockerfile")
	var built []string
	for _, build := range regexp.MustCompile(`go build .*-o /out/bin/(\w*) ([./\w ]+)`).FindAllStringSubmatch(dockerfile, -1) {
		for source := range strings.FieldsSeq(build[2]) {
			require.FileExists(t, filepath.Join("..", source, "main.go"))
			name := build[1]
			if name == "" {
				name = filepath.Base(source)
			}
			built = append(built, "/usr/local/bin/"+name)
		}
	}
	require.Len(t, built, 4)
	require.Contains(t, dockerfile, "CGO_ENABLED=0", "nothing of a system is around the programs")
	require.Regexp(t, `(?m)^USER [1-9][0-9]*:[1-9][0-9]*$`, dockerfile, "Kubernetes cannot tell whether a name is root")
	require.NotContains(t, dockerfile, "ENTRYPOINT")

	for name, service := range everything(t) {
		if ours[name] == "" {
			continue
		}
		program := append(slices.Clone(service.Entrypoint), service.Command...)[0]
		require.Equal(t, "/usr/local/bin/"+ours[name], program)
		require.Contains(t, built, program)
		if check := service.HealthCheck; check != nil {
			require.Equal(t, []string{"CMD", "/usr/local/bin/parley", "ping"}, []string(check.Test[:3]), "there is neither a shell nor curl")
		}
	}
}

var (
	setting    = regexp.MustCompile(`\$([A-Z_]+)`)
	subcommand = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)(?: <.*| \[.*|   .*)$`)
)

// settingsOf are the settings that a program's help names, its commands' too.
func settingsOf(t *testing.T, program string) map[string]bool {
	t.Helper()
	help := run(t, program, "--help")
	for _, match := range subcommand.FindAllStringSubmatch(help, -1) {
		help += run(t, program, append(strings.Fields(match[1]), "--help")...)
	}
	settings := map[string]bool{}
	for _, match := range setting.FindAllStringSubmatch(help, -1) {
		settings[match[1]] = true
	}
	return settings
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, "%s %v: %s", program, args, &stderr)
	return string(out)
}

// Each program is given all settings that it knows, and no others: none is
// forgotten here, and no secret goes where it is not needed.
func TestSettingsReachThePrograms(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "./worker", "./webhook", "./simulator", "./starter") //nolint:gosec // our own programs
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Rename(filepath.Join(bin, "starter"), filepath.Join(bin, "parley")))

	services := everything(t)
	connection := []string{
		"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "TEMPORAL_CLIENT_AUTHORITY",
		"TEMPORAL_TLS", "TEMPORAL_TLS_SERVER_NAME", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION",
		"TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_DATA", "TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_TLS_CLIENT_KEY_DATA",
		"TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_SERVER_CA_CERT_DATA",
	}
	cloud := []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SSM"}
	watching := []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
	}
	// What libraries read, no help of ours names.
	libraries := map[string][]string{"worker": slices.Concat(cloud, watching), "webhook": slices.Concat(cloud, watching), "parley": cloud}
	for service, program := range ours {
		want := settingsOf(t, filepath.Join(bin, program))
		for _, name := range libraries[program] {
			want[name] = true
		}
		if program != "simulator" {
			for _, name := range connection {
				want[name] = true
			}
		}
		require.ElementsMatch(t, sorted(want), sorted(environment(t, service)), service)
	}

	example := read(t, "../.env.example")
	for _, name := range sorted(localSettings(t)) {
		if !slices.Contains([]string{"COMPOSE_PROFILES", "POSTGRES_PASSWORD"}, name) {
			require.Regexp(t, `(?m)^#?`+name+`=`, example)
		}
	}
	require.Equal(t, "local-webhook-secret", *services["webhook"].Environment["SINCH_WEBHOOK_SECRET"])
}

// environment is what the file names for a service, whether it is set or not.
func environment(t *testing.T, service string) types.MappingWithEquals {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../docker-compose.yml"}, cli.WithDefaultProfiles(), cli.WithoutEnvironmentResolution)
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project.AllServices()[service].Environment
}

func TestOnlyThisMachineReachesThePorts(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"webhook": {"8080:8080", "8081:8081"}, "simulator": {"8090:8090"}, "temporal": {"7233:7233"}, "temporal-ui": {"8233:8080"},
	}
	for name, service := range everything(t) {
		var ports []string
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, name)
			ports = append(ports, fmt.Sprint(port.Published, ":", port.Target))
		}
		require.Equal(t, want[name], ports, name)
		require.Empty(t, service.NetworkMode, name)
		require.False(t, service.Privileged, name)
	}
}

// A container is alone with its loopback: what others or the health check ask
// must listen everywhere, at the port that they ask.
func TestProgramsListenWhereTheyAreAsked(t *testing.T) {
	t.Parallel()
	services := everything(t)
	for service, addresses := range map[string]map[string]string{
		"worker":    {"PARLEY_METRICS_ADDR": "0.0.0.0:9090"},
		"webhook":   {"PARLEY_METRICS_ADDR": "0.0.0.0:9091", "PARLEY_WEBHOOK_ADDR": "0.0.0.0:8080", "PARLEY_API_ADDR": "0.0.0.0:8081"},
		"simulator": {"PARLEY_SIMULATOR_ADDR": "0.0.0.0:8090"},
	} {
		for setting, address := range addresses {
			require.Equal(t, address, *services[service].Environment[setting])
		}
	}
	require.Equal(t, "http://127.0.0.1:9090/readyz", services["worker"].HealthCheck.Test[3])
	require.Equal(t, "http://127.0.0.1:8080/readyz", services["webhook"].HealthCheck.Test[3])
	require.Equal(t, "http://127.0.0.1:8090/phones", services["simulator"].HealthCheck.Test[3])

	host := regexp.MustCompile(`^(?:http://)?([a-z-]+):(\d+)`)
	for name, service := range services {
		for setting, value := range service.Environment {
			if value == nil {
				continue
			}
			if match := host.FindStringSubmatch(*value); match != nil {
				require.Contains(t, services, match[1], "%s of %s", setting, name)
				require.Contains(t, []string{"temporal:7233", "simulator:8090", "webhook:8080"}, match[1]+":"+match[2])
			}
		}
	}
}

func TestMountedFilesAreThere(t *testing.T) {
	t.Parallel()
	project := compose(t, localSettings(t))
	for name, service := range project.AllServices() {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeVolume {
				require.Contains(t, project.Volumes, volume.Source, name)
				continue
			}
			require.True(t, volume.ReadOnly, "%s changes %s", name, volume.Source)
			if filepath.Base(volume.Source) == "certs" {
				require.DirExists(t, volume.Source)
				continue
			}
			require.FileExists(t, volume.Source, name)
			used := slices.Clone(service.Entrypoint)
			if file := service.Environment["DYNAMIC_CONFIG_FILE_PATH"]; file != nil {
				used = append(used, *file)
			}
			require.Contains(t, used, volume.Target, "%s has it where it looks for it", name)
		}
	}
}

func TestWorkIsGivenTimeToEnd(t *testing.T) {
	t.Parallel()
	services := everything(t)
	require.Equal(t, 2, *services["worker"].Deploy.Replicas)
	for name, least := range map[string]time.Duration{"worker": 30 * time.Second, "webhook": 20 * time.Second, "postgres": 30 * time.Second, "temporal": 30 * time.Second} {
		require.NotNil(t, services[name].StopGracePeriod, name)
		require.GreaterOrEqual(t, time.Duration(*services[name].StopGracePeriod), least, name)
		require.Equal(t, types.RestartPolicyUnlessStopped, services[name].Restart, name)
	}
}

// The database has no password that the repository knows, unless somebody takes
// local.env for it.
func TestThereIsNoDefaultPassword(t *testing.T) {
	t.Parallel()
	services := compose(t, map[string]string{"COMPOSE_PROFILES": "temporal"}).AllServices()
	require.Nil(t, services["postgres"].Environment["POSTGRES_PASSWORD"], "its image refuses to start")
	require.Empty(t, *services["temporal"].Environment["POSTGRES_PWD"])

	schema := exec.CommandContext(t.Context(), "sh", "compose/schema.sh")
	schema.Env = []string{"SQL_PASSWORD="}
	out, err := schema.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "set POSTGRES_PASSWORD")

	chosen := compose(t, map[string]string{"COMPOSE_PROFILES": "temporal", "POSTGRES_PASSWORD": "chosen"}).AllServices()
	for service, setting := range map[string]string{"postgres": "POSTGRES_PASSWORD", "temporal-schema": "SQL_PASSWORD", "temporal": "POSTGRES_PWD"} {
		require.Equal(t, "chosen", *chosen[service].Environment[setting])
	}
	for name := range ours {
		for _, value := range chosen[name].Environment {
			require.False(t, value != nil && *value == "chosen", "%s has no business with the database", name)
		}
	}
}

func TestIgnoredFilesStayOutOfTheImage(t *testing.T) {
	t.Parallel()
	ignored := strings.Fields(read(t, "../.dockerignore"))
	for _, name := range []string{".env", "*.env", ".git", ".bin", "deploy"} {
		require.Contains(t, ignored, name)
	}
	for _, needed := range []string{"worker", "webhook", "starter", "simulator", "internal", "go.mod", "go.sum", "workflows", "conversation", "activities", "sinch", "sms", "understand"} {
		require.NotContains(t, ignored, needed)
	}
}
