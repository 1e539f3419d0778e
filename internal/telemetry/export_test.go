package telemetry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/telemetry"
)

func TestExports(t *testing.T) {
	t.Parallel()
	const all, traces = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	tests := []struct {
		name            string
		env             map[string]string
		traces, metrics bool
	}{
		{"nothing is set", nil, false, false},
		{"both", map[string]string{all: "http://collector:4318"}, true, true},
		{"one", map[string]string{traces: "http://collector:4318/v1/traces"}, true, false},
		{"but one", map[string]string{all: "http://collector:4318", "OTEL_METRICS_EXPORTER": "none"}, true, false},
		{"switched off", map[string]string{all: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, false, false},
		{"empty counts as unset", map[string]string{all: ""}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.traces, telemetry.Exports(tt.env, "TRACES"))
			require.Equal(t, tt.metrics, telemetry.Exports(tt.env, "METRICS"))
		})
	}
}
