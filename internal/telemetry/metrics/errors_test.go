package metrics_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"

	"parley/internal/health"
	"parley/internal/telemetry"
	"parley/internal/telemetry/metrics"
)

// TestErrorsAreLogged as everything else is.
func TestErrorsAreLogged(t *testing.T) {
	var log bytes.Buffer
	_, stop, err := metrics.Serve(t.Context(), telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo), metrics.Options{
		Address: metrics.Off, Ready: health.New(quiet(), time.Now), Env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"},
	})
	require.NoError(t, err)
	t.Cleanup(stop)
	tests := []struct{ said, want string }{
		{
			`failed to upload metrics: Post "http://127.0.0.1:9/t0ken/v1/metrics": dial tcp 127.0.0.1:9: connect: connection refused`,
			`failed to upload metrics: Post "127.0.0.1:9": dial tcp 127.0.0.1:9: connect: connection refused`,
		},
		{"failed to send to https://name:t0ken@collector.example:4318/v1/traces?key=t0ken: 401 Unauthorized", "failed to send to collector.example:4318: 401 Unauthorized"},
		{"refused for +15559876543", "refused for +1•••543"},
	}
	for _, tt := range tests {
		log.Reset()
		otel.Handle(errors.New(tt.said))
		var line struct{ Level, Error string }
		require.NoError(t, json.Unmarshal(log.Bytes(), &line), log.String())
		require.Equal(t, "WARN", line.Level)
		require.Equal(t, tt.want, line.Error)
	}
}
