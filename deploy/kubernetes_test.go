package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// manifests are all objects under kubernetes/, by name.
type manifests struct {
	deployments map[string]appsv1.Deployment
	services    map[string]corev1.Service
	budgets     map[string]policyv1.PodDisruptionBudget
	configs     map[string]corev1.ConfigMap
	secrets     map[string]corev1.Secret
}

// readManifests decodes strictly: a field that Kubernetes does not know is a
// misspelling, which a cluster would drop without a word.
func readManifests(t *testing.T) manifests {
	t.Helper()
	m := manifests{
		map[string]appsv1.Deployment{},
		map[string]corev1.Service{},
		map[string]policyv1.PodDisruptionBudget{},
		map[string]corev1.ConfigMap{},
		map[string]corev1.Secret{},
	}
	for _, file := range manifestFiles(t) {
		for i, document := range strings.Split(readFile(t, file), "\n---\n") {
			name := fmt.Sprintf("%s, document %d", file, i+1)
			var kind metav1.TypeMeta
			require.NoError(t, yaml.Unmarshal([]byte(document), &kind), name)
			switch kind.APIVersion + " " + kind.Kind {
			case "apps/v1 Deployment":
				decodeInto(t, name, document, m.deployments, func(o appsv1.Deployment) string { return o.Name })
			case "v1 Service":
				decodeInto(t, name, document, m.services, func(o corev1.Service) string { return o.Name })
			case "policy/v1 PodDisruptionBudget":
				decodeInto(t, name, document, m.budgets, func(o policyv1.PodDisruptionBudget) string { return o.Name })
			case "v1 ConfigMap":
				decodeInto(t, name, document, m.configs, func(o corev1.ConfigMap) string { return o.Name })
			case "v1 Secret":
				decodeInto(t, name, document, m.secrets, func(o corev1.Secret) string { return o.Name })
			default:
				require.Fail(t, "a kind that nobody checks", "%s: %s %s", name, kind.APIVersion, kind.Kind)
			}
		}
	}
	return m
}

func decodeInto[T any](t *testing.T, name, document string, known map[string]T, nameOf func(T) string) {
	t.Helper()
	var object T
	require.NoError(t, yaml.UnmarshalStrict([]byte(document), &object), name)
	require.NotEmpty(t, nameOf(object), name)
	require.NotContains(t, known, nameOf(object), name)
	known[nameOf(object)] = object
}

// manifestFiles are those that a cluster is given.
func manifestFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("kubernetes/*.yaml")
	require.NoError(t, err)
	return slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "kustomization.yaml" })
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// inSource finds what one of the programs has as a constant or a default.
func inSource(t *testing.T, path, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(readFile(t, filepath.Join("..", path)))
	require.NotNil(t, found, "%s has nothing like %s", path, pattern)
	return found[1]
}

// seconds are those of a constant such as stopTimeout.
func seconds(t *testing.T, path, constant string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(inSource(t, path, `\b`+constant+`\s*= (\d+) \* time\.Second`))
	require.NoError(t, err)
	return time.Duration(n) * time.Second
}

// settingsOf are the names of all that a pod's process finds in its environment,
// and the values of what is no secret.
func (m manifests) settingsOf(t *testing.T, d appsv1.Deployment) map[string]string {
	t.Helper()
	settings := map[string]string{}
	pod := containerOf(t, d)
	for _, from := range pod.EnvFrom {
		require.Nil(t, from.SecretRef, "secrets are named one by one, so that none gets where it does not belong")
		require.Contains(t, m.configs, from.ConfigMapRef.Name)
		maps.Copy(settings, m.configs[from.ConfigMapRef.Name].Data)
	}
	for _, e := range pod.Env {
		settings[e.Name] = e.Value
		if e.ValueFrom == nil {
			continue
		}
		ref := e.ValueFrom.SecretKeyRef
		require.NotNil(t, ref, e.Name)
		require.Equal(t, e.Name, ref.Key)
		require.Contains(t, m.secrets, ref.Name, e.Name)
		require.Contains(t, m.secrets[ref.Name].StringData, ref.Key)
	}
	return settings
}

func containerOf(t *testing.T, d appsv1.Deployment) corev1.Container {
	t.Helper()
	require.Len(t, d.Spec.Template.Spec.Containers, 1)
	return d.Spec.Template.Spec.Containers[0]
}

func TestManifestsAreWhatIsDeployed(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	require.ElementsMatch(t, []string{"parley-worker", "parley-send", "parley-webhook"}, slices.Collect(maps.Keys(m.deployments)))
	var k struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Resources  []string `json:"resources"`
		Images     []struct {
			Name    string `json:"name"`
			NewName string `json:"newName"`
			NewTag  string `json:"newTag"`
		} `json:"images"`
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(readFile(t, "kubernetes/kustomization.yaml")), &k))
	require.Len(t, k.Images, 1)
	var files []string
	for _, file := range manifestFiles(t) {
		files = append(files, filepath.Base(file))
	}
	// Applied by mistake, the example would overwrite the real secrets.
	require.ElementsMatch(t, files, append(k.Resources, "secrets.example.yaml"))
	for name, d := range m.deployments {
		require.Equal(t, k.Images[0].Name+":latest", containerOf(t, d).Image, name)
		require.Empty(t, d.Namespace, "which namespace is the installation's matter")
	}
}

func TestExampleSecretsCannotWork(t *testing.T) {
	t.Parallel()
	for name, s := range readManifests(t).secrets {
		require.NotEmpty(t, s.StringData, name)
		require.Empty(t, s.Data, name)
		for key, value := range s.StringData {
			require.Empty(t, value, "%s of %s: a value that stands in a repository is no secret", key, name)
		}
	}
}

// TestPods holds what all pods have in common, and what they do not.
func TestPods(t *testing.T) {
	t.Parallel()
	stop := seconds(t, "worker/work.go", "stopTimeout")
	tests := []struct {
		name      string
		command   []string
		ports     map[string]string // name: where the program listens by default
		probed    string
		lasts     time.Duration // of the program's stopping
		has, lack []string
	}{
		{
			"parley-worker",
			[]string{"worker", "--only", "conversations"},
			map[string]string{"metrics": inSource(t, "worker/main.go", `Metrics: +"(.*?)"`)},
			"metrics", stop,
			[]string{"SINCH_APP_ID", "SINCH_SMS_SENDER", "SINCH_WEBHOOK_TOLERANCE", "PARLEY_SEND_TASK_QUEUE"},
			[]string{"SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET", "SINCH_WEBHOOK_SECRET", "SINCH_RECEIPTS_SECRET", "PARLEY_API_TOKEN"},
		},
		{
			"parley-send",
			[]string{"worker", "--only", "send"},
			map[string]string{"metrics": inSource(t, "worker/main.go", `Metrics: +"(.*?)"`)},
			"metrics", stop,
			[]string{"SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET", "SINCH_PROJECT_ID", "SINCH_APP_ID", "SINCH_REGION", "PARLEY_SEND_TASK_QUEUE"},
			[]string{"SINCH_WEBHOOK_SECRET", "SINCH_RECEIPTS_SECRET", "PARLEY_API_TOKEN", "PARLEY_HOOK_SECRET"},
		},
		{
			"parley-webhook",
			[]string{"webhook"},
			map[string]string{
				"metrics":   inSource(t, "webhook/main.go", `Metrics: +"(.*?)"`),
				"callbacks": inSource(t, "webhook/main.go", `default:"(.*)" env:"PARLEY_WEBHOOK_ADDR"`),
				"messages":  inSource(t, "webhook/main.go", `default:"(.*)" env:"PARLEY_API_ADDR"`),
			},
			"callbacks", seconds(t, "webhook/serve.go", "shutdownTimeout"),
			[]string{"SINCH_WEBHOOK_SECRET", "SINCH_APP_ID", "SINCH_SMS_SENDER", "SINCH_WEBHOOK_TOLERANCE", "PARLEY_SHUTDOWN_DELAY"},
			[]string{"SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET", "PARLEY_HOOK_SECRET"},
		},
	}
	known := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^#?([A-Z][A-Z0-9_]+)=`).FindAllStringSubmatch(readFile(t, "../.env.example"), -1) {
		known[line[1]] = true
	}
	m := readManifests(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, c := m.deployments[tt.name], containerOf(t, m.deployments[tt.name])
			require.Equal(t, tt.command, c.Command)
			require.Empty(t, c.Args)

			settings := m.settingsOf(t, d)
			for name := range settings {
				library := strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "AWS_")
				require.True(t, library || known[name], "%s is not in .env.example", name)
			}
			for _, name := range tt.has {
				require.Contains(t, settings, name)
			}
			for _, name := range tt.lack {
				require.NotContains(t, settings, name)
			}
			require.Equal(t, "24h", settings["SINCH_WEBHOOK_TOLERANCE"])
			require.NotEmpty(t, settings["PARLEY_SEND_TASK_QUEUE"])
			require.NotEqual(t, settings["TEMPORAL_TASK_QUEUE"], settings["PARLEY_SEND_TASK_QUEUE"])

			listens := map[string]string{"metrics": settings["PARLEY_METRICS_ADDR"], "callbacks": tt.ports["callbacks"], "messages": settings["PARLEY_API_ADDR"]}
			require.Len(t, c.Ports, len(tt.ports))
			for _, p := range c.Ports {
				want := tt.ports[p.Name][strings.LastIndex(tt.ports[p.Name], ":"):]
				require.Equal(t, want, fmt.Sprintf(":%d", p.ContainerPort), "port %s is the program's default", p.Name)
				require.Equal(t, want, listens[p.Name], "%s is for others than this pod", p.Name)
				if p.Name == "metrics" {
					require.Equal(t, want[1:], d.Spec.Template.Annotations["prometheus.io/port"])
				}
			}
			require.Equal(t, "true", d.Spec.Template.Annotations["prometheus.io/scrape"])
			require.Equal(t, "/metrics", d.Spec.Template.Annotations["prometheus.io/path"])

			// Only readiness may depend on Temporal: its outage shall restart nothing.
			for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/healthz ": c.StartupProbe, "/readyz": c.ReadinessProbe} {
				require.NotNil(t, probe, path)
				require.NotNil(t, probe.HTTPGet, path)
				require.Equal(t, strings.TrimSpace(path), probe.HTTPGet.Path)
				require.Equal(t, tt.probed, probe.HTTPGet.Port.StrVal)
			}

			lasts := tt.lasts
			if value, ok := settings["PARLEY_SHUTDOWN_DELAY"]; ok {
				delay, err := time.ParseDuration(value)
				require.NoError(t, err)
				lasts += delay
			}
			pod := d.Spec.Template.Spec
			require.GreaterOrEqual(t, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, lasts+5*time.Second)
			require.False(t, *pod.AutomountServiceAccountToken)
			require.False(t, *pod.EnableServiceLinks, "the cluster's PARLEY_WEBHOOK_PORT and the like are no settings")
			require.True(t, *pod.SecurityContext.RunAsNonRoot)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
			require.False(t, c.Resources.Requests.Memory().IsZero())
			require.False(t, c.Resources.Requests.Cpu().IsZero())
			require.False(t, c.Resources.Limits.Memory().IsZero())

			require.EqualValues(t, 2, *d.Spec.Replicas)
			require.Equal(t, appsv1.RollingUpdateDeploymentStrategyType, d.Spec.Strategy.Type)
			require.Zero(t, d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
			require.Positive(t, d.Spec.Strategy.RollingUpdate.MaxSurge.IntValue())
			require.Len(t, pod.TopologySpreadConstraints, 1)
			require.Equal(t, d.Spec.Selector, pod.TopologySpreadConstraints[0].LabelSelector)
			require.Equal(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels)

			require.Contains(t, m.budgets, tt.name)
			budget := m.budgets[tt.name]
			require.Equal(t, d.Spec.Selector, budget.Spec.Selector)
			require.Equal(t, 1, budget.Spec.MaxUnavailable.IntValue())
			require.Nil(t, budget.Spec.MinAvailable)
		})
	}
}

// TestServices finds behind each service the pods that it is for, and behind each
// of its ports one of theirs.
func TestServices(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	tests := []struct {
		name string
		pods []string
		port string
	}{
		{"parley-webhook", []string{"parley-webhook"}, "callbacks"},
		{"parley-messages", []string{"parley-webhook"}, "messages"},
		{"parley-metrics", []string{"parley-send", "parley-webhook", "parley-worker"}, "metrics"},
	}
	require.Len(t, m.services, len(tests))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := m.services[tt.name]
			require.Len(t, s.Spec.Ports, 1, "a port more would be open to whoever this service is for")
			require.Equal(t, tt.port, s.Spec.Ports[0].TargetPort.StrVal)
			require.Contains(t, []corev1.ServiceType{"", corev1.ServiceTypeClusterIP}, s.Spec.Type)
			var pods []string
			for name, d := range m.deployments {
				if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
					pods = append(pods, name)
					require.True(t, slices.ContainsFunc(containerOf(t, d).Ports, func(p corev1.ContainerPort) bool { return p.Name == tt.port }), name)
				}
			}
			require.ElementsMatch(t, tt.pods, pods)
		})
	}
}
