package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/health"
	"parley/internal/telemetry/metrics"
	"parley/internal/telemetry/tracing"
)

// sent is what a collector is sent of a metric, and of a span.
func sent(t *testing.T) []string {
	t.Helper()
	bodies := map[string]string{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies[r.URL.Path] += string(body)
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}

	m, stop, err := metrics.Serve(t.Context(), quiet(), metrics.Options{Service: "parley-worker", Address: metrics.Off, Ready: health.New(quiet(), time.Now), Env: env})
	require.NoError(t, err)
	things, err := m.Meter.Int64Counter("parley_things")
	require.NoError(t, err)
	things.Add(t.Context(), 1)
	stop()
	traces, err := tracing.Start(t.Context(), quiet(), env, "parley-worker")
	require.NoError(t, err)
	_, begun := traces.Begin(t.Context(), "callback", http.Header{})
	begun.End()
	traces.Stop()
	return []string{bodies["/v1/metrics"], bodies["/v1/traces"]}
}

func TestServiceIsNamed(t *testing.T) {
	for _, body := range sent(t) {
		require.Contains(t, body, "parley-worker")
	}
}

func TestServiceIsNamedByTheEnvironment(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "sms-staging")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
	for _, body := range sent(t) {
		require.Contains(t, body, "sms-staging")
		require.Contains(t, body, "deployment.environment.name")
		require.NotContains(t, body, "parley-worker")
	}
}
