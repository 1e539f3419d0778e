package deploy_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// knownMetrics are all that alerts and panels may look at, with their own labels.
// A name that is misspelled there is no error to Prometheus: it is silence.
var knownMetrics = map[string][]string{
	// of Prometheus itself
	"up":     nil,
	"ALERTS": {"alertname", "alertstate"},

	// of the webhook
	"parley_callbacks_total":                         {"kind", "result", "reason"},
	"parley_callback_acknowledgement_seconds_bucket": {"result"},
	"parley_message_requests_total":                  {"result"},

	// of the worker
	"parley_texts_handled_total":   {"by"},
	"parley_reply_seconds_bucket":  nil,
	"parley_sends_total":           {"outcome", "reason"},
	"parley_receipts_total":        {"status", "reason"},
	"parley_messages_failed_total": {"reason"},
	"parley_resent_total":          {"reason"},
	"parley_parked_total":          {"reason"},
	"parley_consents_total":        {"change"},
	"parley_events_skipped_total":  {"kind"},

	// of both, read from the Temporal server
	"parley_conversations":                  {"state"},
	"parley_conversations_attention":        nil,
	"parley_task_queue_pollers":             {"task_queue", "type"},
	"parley_task_queue_backlog":             {"task_queue", "type"},
	"parley_task_queue_backlog_age_seconds": {"task_queue", "type"},
	"parley_secret_fetches_total":           {"result"},
	"parley_secret_stale":                   nil,

	// of Temporal's SDK
	"temporal_activity_execution_failed_total":                        {"activity_type"},
	"temporal_activity_execution_latency_seconds_bucket":              {"activity_type"},
	"temporal_corrupted_signals_total":                                {"workflow_type"},
	"temporal_request_failure_total":                                  {"operation", "status_code"},
	"temporal_unregistered_activity_invocation_total":                 {"task_queue"},
	"temporal_worker_task_slots_available":                            {"task_queue", "worker_type"},
	"temporal_workflow_task_execution_failed_total":                   {"workflow_type", "failure_reason"},
	"temporal_workflow_task_execution_latency_seconds_bucket":         {"task_queue"},
	"temporal_workflow_task_schedule_to_start_latency_seconds_bucket": {"task_queue"},
}

// promQL are the words of the query language that are used.
var promQL = []string{
	"sum", "max", "min", "count", "by", "or", "unless", "offset", "rate", "increase", "absent", "vector", "histogram_quantile", "last_over_time",
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	ranged   = regexp.MustCompile(`\[[^\]]*\]|\boffset \w+`)
	grouped  = regexp.MustCompile(`\bby \(([^)]*)\)`)
	selector = regexp.MustCompile(`(\w+)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	names    = regexp.MustCompile(`[A-Za-z_]\w*`)
)

// requireKnown reads an expression as far as its names go: each must be a metric
// that there is, and each label one that it has.
func requireKnown(t *testing.T, expression string) {
	t.Helper()
	rest := quoted.ReplaceAllString(expression, "")
	for _, s := range selector.FindAllStringSubmatch(rest, -1) {
		for _, label := range matcher.FindAllStringSubmatch(s[2], -1) {
			require.Contains(t, append(knownMetrics[s[1]], "job"), label[1], "%s has no such label", s[1])
		}
	}
	rest = selector.ReplaceAllString(rest, "$1")
	var by []string
	for _, g := range grouped.FindAllStringSubmatch(rest, -1) {
		by = append(by, names.FindAllString(g[1], -1)...)
	}
	rest = ranged.ReplaceAllString(grouped.ReplaceAllString(rest, ""), "")
	labels := []string{"job", "le"}
	found := false
	for _, name := range names.FindAllString(rest, -1) {
		if slices.Contains(promQL, name) {
			continue
		}
		require.Contains(t, knownMetrics, name, expression)
		labels, found = append(labels, knownMetrics[name]...), true
	}
	require.True(t, found || strings.HasPrefix(expression, "vector"), expression)
	for _, label := range by {
		require.Contains(t, labels, label, expression)
	}
}

// TestMetricsAreCounted holds that list against the programs, so that a metric
// which is renamed there does not fall silent here.
func TestMetricsAreCounted(t *testing.T) {
	t.Parallel()
	counted := map[string]bool{}
	name := regexp.MustCompile(`"(parley_[a-z_]+)"`)
	for _, folder := range []string{"activities", "conversation", "internal", "webhook", "worker"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, found := range name.FindAllStringSubmatch(readFile(t, path), -1) {
				counted[found[1]] = true
			}
			return nil
		}))
	}
	var known []string
	for metric := range knownMetrics {
		if strings.HasPrefix(metric, "parley_") {
			// What OpenTelemetry's exporter adds for Prometheus.
			metric = strings.TrimSuffix(strings.TrimSuffix(metric, "_total"), "_bucket")
			known = append(known, strings.TrimSuffix(metric, "_seconds"))
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(counted)), known)
}
