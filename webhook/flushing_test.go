package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/health"
	"parley/internal/telemetry/metrics"
	"parley/internal/telemetry/tracing"
)

// TestFlushing: metrics and spans leave with a request, though not with each, and
// a collector that hangs keeps none from being answered.
func TestFlushing(t *testing.T) {
	var sent atomic.Int32
	var hangs atomic.Bool
	over := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		if hangs.Load() {
			<-over
		}
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}
	counted, stop, err := metrics.Serve(t.Context(), slog.New(slog.DiscardHandler), metrics.Options{Address: metrics.Off, Ready: health.New(slog.New(slog.DiscardHandler), time.Now), Env: env})
	require.NoError(t, err)
	t.Cleanup(stop)
	traces, err := tracing.Start(t.Context(), slog.New(slog.DiscardHandler), env, "test")
	require.NoError(t, err)
	t.Cleanup(traces.Stop)
	t.Cleanup(func() { close(over) }) // before the others
	counts, err := newCounts(counted.Meter)
	require.NoError(t, err)
	h := callbacks(&fake{})
	h.Counts, h.Traces = counts, traces
	now := signedAt
	handler := flushing(h.Handler(), counted, traces, func() time.Time { return now })
	answered := func() {
		t.Helper()
		response, said := ask(t, handler, signed(text("15559876543", ""), secret, signedAt))
		require.Equal(t, http.StatusOK, response.StatusCode, said)
	}

	answered()
	require.EqualValues(t, 2, sent.Load(), "metrics and a span")
	now = now.Add(flushEvery - time.Second)
	answered()
	require.EqualValues(t, 2, sent.Load())
	now = now.Add(time.Second)
	answered()
	require.EqualValues(t, 4, sent.Load())
	hangs.Store(true)
	now = now.Add(time.Hour)
	answered()
	require.EqualValues(t, 6, sent.Load())
}
