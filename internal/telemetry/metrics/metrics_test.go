package metrics_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"parley/internal/health"
	"parley/internal/telemetry/metrics"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(raw)
}

// counting is a workflow that counts.
func counting(ctx workflow.Context) error {
	workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"outcome": "confirmed"}).Counter("parley_asks").Inc(1)
	return nil
}

// TestPage: what we count, what the SDK counts and what workflows count stands
// on one page, under the names that Prometheus's users expect.
func TestPage(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m, page, err := metrics.New(slog.New(slog.NewTextHandler(&log, nil)), "test")
	require.NoError(t, err)
	shown := httptest.NewServer(page)
	t.Cleanup(shown.Close)

	own, err := m.Meter.Int64Counter("parley_things", metric.WithDescription("Things."))
	require.NoError(t, err)
	own.Add(t.Context(), 2)
	m.Temporal.WithTags(map[string]string{"operation": "StartWorkflowExecution"}).Timer("temporal_request_latency").Record(3 * time.Second)
	m.Temporal.Gauge("temporal_num_pollers").Update(4)
	m.Temporal.Counter("no\nname").Inc(1)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(quiet()))
	suite.SetMetricsHandler(m.Temporal)
	suite.NewTestWorkflowEnvironment().ExecuteWorkflow(counting)

	status, body := get(t, shown.URL)
	require.Equal(t, http.StatusOK, status)
	for _, want := range []string{
		"# TYPE parley_things_total counter\nparley_things_total 2\n",
		"# TYPE temporal_request_latency_seconds histogram\n",
		`temporal_request_latency_seconds_bucket{operation="StartWorkflowExecution",le="2.5"} 0`,
		`temporal_request_latency_seconds_bucket{operation="StartWorkflowExecution",le="5"} 1`,
		"temporal_num_pollers 4\n",
	} {
		require.Contains(t, body, want)
	}
	require.Regexp(t, `(?m)^parley_asks_total\{.*outcome="confirmed".*\} 1$`, body)
	require.NotContains(t, body, "otel_scope")
	require.NotContains(t, body, "target_info")
	require.Contains(t, log.String(), "a metric is not counted")
}

var listening = regexp.MustCompile(`msg=listening for=metrics address=(\S+)`)

func TestServe(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m, stop, err := metrics.Serve(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), metrics.Options{Address: "127.0.0.1:0", Usual: "127.0.0.1:1", Ready: health.New(quiet(), time.Now)})
	require.NoError(t, err)
	match := listening.FindStringSubmatch(log.String())
	require.NotNil(t, match, log.String())
	m.Temporal.Counter("temporal_worker_start").Inc(1)

	status, body := get(t, "http://"+match[1]+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "temporal_worker_start_total 1")
	for path, want := range map[string]int{"/": http.StatusNotFound, "/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		status, _ = get(t, "http://"+match[1]+path)
		require.Equal(t, want, status, path)
	}

	stop()
	again, stop, err := metrics.Serve(t.Context(), quiet(), metrics.Options{Address: match[1], Ready: health.New(quiet(), time.Now)})
	require.NoError(t, err, "the address is free again")
	stop()
	require.NotNil(t, again.Meter)
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	inUse := taken.Addr().String()
	tests := []struct {
		name, address, usual string
		refused, logged      string
	}{
		{"off", "off", "127.0.0.1:0", "", ""},
		{"off, written otherwise", "OFF", "127.0.0.1:0", "", ""},
		{"the usual one", "", "127.0.0.1:0", "", "listening"},
		{"the usual one is in use", "", inUse, "", "going on without metrics"},
		{"one of their own is in use", inUse, "127.0.0.1:0", inUse + " is in use by another program: end that one, or set PARLEY_METRICS_ADDR to another address or to off", ""},
		{"no address", "here", "127.0.0.1:0", "listening on here, see PARLEY_METRICS_ADDR", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			m, stop, err := metrics.Serve(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), metrics.Options{Address: tt.address, Usual: tt.usual, Ready: health.New(quiet(), time.Now)})
			t.Cleanup(stop)
			if tt.refused != "" {
				require.ErrorContains(t, err, tt.refused)
				return
			}
			require.NoError(t, err)
			require.Contains(t, log.String(), tt.logged)
			if tt.logged == "" {
				require.Empty(t, log.String())
			}
			// Counting works either way.
			m.Temporal.WithTags(map[string]string{"a": "b"}).Counter("parley_things").Inc(1)
			own, err := m.Meter.Int64Counter("parley_things")
			require.NoError(t, err)
			own.Add(t.Context(), 1)
		})
	}
}
