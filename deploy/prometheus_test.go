package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// promtool runs Prometheus's own checker in the folder of its files.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			require.NoError(t, err, "CI needs promtool, see .ci/run")
		}
		t.Skip("needs promtool, which comes with Prometheus; on Debian and Ubuntu: apt-get install --no-install-recommends prometheus")
	}
	command := exec.CommandContext(t.Context(), path, args...)
	command.Dir = "prometheus"
	output, err := command.CombinedOutput()
	require.NoError(t, err, "promtool %s:\n%s", strings.Join(args, " "), output)
}

// tempFile is beside no other file: what it names has to be absolute.
func tempFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "alerts.yaml")
	promtool(t, "test", "rules", "alerts_test.yaml")
}

func TestScrapeConfigs(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "config", "prometheus.yml")

	// Debian's promtool is built without Kubernetes: the rest is checked.
	const discovery = "    kubernetes_sd_configs:\n      - role: pod\n"
	config := readFile(t, "prometheus/prometheus-kubernetes.yml")
	require.Contains(t, config, discovery)
	rules, err := filepath.Abs("prometheus/alerts.yaml")
	require.NoError(t, err)
	config = strings.ReplaceAll(strings.ReplaceAll(config, discovery, ""), "- alerts.yaml", "- "+rules)
	promtool(t, "check", "config", tempFile(t, config))
}

// An alert is a rule of alerts.yaml.
type alert struct {
	Name        string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string  `json:"name"`
			Rules []alert `json:"rules"`
		} `json:"groups"`
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(readFile(t, "prometheus/alerts.yaml")), &file))
	var all []alert
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	runbook := readFile(t, "../docs/runbook.md")
	paragraphs := map[string]string{}
	for _, section := range strings.Split(runbook, "\n### ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		paragraphs[heading] = strings.TrimSpace(text)
	}
	known := map[string]bool{}
	for _, a := range alerts(t) {
		require.False(t, known[a.Name], a.Name)
		known[a.Name] = true
		require.Contains(t, []string{"critical", "warning"}, a.Labels["severity"], a.Name)
		require.NotEmpty(t, a.Annotations["summary"], a.Name)
		require.NotEmpty(t, a.Annotations["description"], a.Name)
		require.Equal(t, "docs/runbook.md#"+strings.ToLower(a.Name), a.Annotations["runbook_url"], a.Name)
		require.Contains(t, paragraphs, a.Name, "docs/runbook.md has no paragraph for it")
		require.Contains(t, paragraphs[a.Name], "`", "%s: which command or setting mends it?", a.Name)
		requireKnown(t, a.Expr)
	}
	for heading := range paragraphs {
		if strings.HasPrefix(heading, "Parley") {
			require.True(t, known[heading], "docs/runbook.md is about %s, which there is not", heading)
		}
	}
}

// TestEachAlertIsTested looks for a case in which it fires, and one that looks
// like it and in which it does not.
func TestEachAlertIsTested(t *testing.T) {
	t.Parallel()
	var file struct {
		Tests []struct {
			Expressions []struct {
				Expr    string `json:"expr"`
				Samples []any  `json:"exp_samples"`
			} `json:"promql_expr_test"`
		} `json:"tests"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(readFile(t, "prometheus/alerts_test.yaml")), &file))
	fires, silent := map[string]bool{}, map[string]bool{}
	one := regexp.MustCompile(`^ALERTS\{alertname="(\w+)",alertstate="firing"\}$`)
	for _, test := range file.Tests {
		firesHere := map[string]bool{}
		asked := map[string]bool{}
		for _, e := range test.Expressions {
			if match := one.FindStringSubmatch(e.Expr); match != nil {
				asked[match[1]] = true
				firesHere[match[1]] = firesHere[match[1]] || len(e.Samples) > 0
			}
		}
		for name := range asked {
			fires[name] = fires[name] || firesHere[name]
			silent[name] = silent[name] || !firesHere[name]
		}
	}
	for _, a := range alerts(t) {
		require.True(t, fires[a.Name], "no test in which %s fires", a.Name)
		require.True(t, silent[a.Name], "no test in which %s stays silent", a.Name)
	}
}
