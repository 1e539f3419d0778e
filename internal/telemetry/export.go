package telemetry

import "strings"

// Exports reports whether an environment asks for a signal, TRACES or METRICS, to
// be sent away, by the variables of OpenTelemetry's specification.
func Exports(env map[string]string, signal string) bool {
	switch {
	case strings.EqualFold(env["OTEL_SDK_DISABLED"], "true"), strings.EqualFold(env["OTEL_"+signal+"_EXPORTER"], "none"):
		return false
	}
	return env["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || env["OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"] != ""
}
