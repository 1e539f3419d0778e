package metrics

import (
	"log/slog"
	"regexp"

	"go.opentelemetry.io/otel"
)

// logExporting has the log say what OpenTelemetry's library finds wrong, with
// traces too. By itself that writes lines of its own to the standard error, which
// are no JSON where ours are, and which nothing masks.
func logExporting(log *slog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("metrics or traces do not leave as they should", "error", endpoint.ReplaceAllString(err.Error(), "$1"))
	}))
}

// endpoint finds a URL, of which only the host is kept: a token may be part of it.
var endpoint = regexp.MustCompile(`https?://(?:[^\s"/@]*@)?([^\s"/?#]+)[^\s":]*`)
