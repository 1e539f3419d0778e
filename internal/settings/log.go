package settings

import (
	"io"
	"log/slog"

	"parley/internal/telemetry"
)

// Log says how to log. Numbers of contacts are masked in any case.
type Log struct {
	LogFormat telemetry.Format `enum:"text,json" default:"text" env:"PARLEY_LOG_FORMAT" placeholder:"text|json" help:"Form of the log lines. Default: ${default}."`
	LogLevel  slog.Level       `default:"info" env:"PARLEY_LOG_LEVEL" placeholder:"LEVEL" help:"debug, info, warn or error. Default: ${default}."`
}

// Logger is a logger as these settings say.
func (l Log) Logger(w io.Writer) *slog.Logger { return telemetry.Logger(w, l.LogFormat, l.LogLevel) }
