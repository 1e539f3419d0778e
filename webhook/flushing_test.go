package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/program"
	"parley/internal/telemetry/metrics"
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
	p, err := program.About{}.Begin(t.Context(), slog.New(slog.DiscardHandler), program.Settings{Metrics: metrics.Off, Env: environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)})
	require.NoError(t, err)
	t.Cleanup(p.End)
	t.Cleanup(func() { close(over) }) // before the others
	counts, err := newCounts(p.Metrics.Meter)
	require.NoError(t, err)
	h := callbacks(&fake{})
	h.Counts, h.Traces = counts, p.Traces
	now := signedAt
	handler := flushing(h.Handler(), p.Flush, func() time.Time { return now })
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
