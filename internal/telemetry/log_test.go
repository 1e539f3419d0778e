package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"

	"parley/internal/telemetry"
)

const number = "15559876543"

type stringer struct{ s string }

func (s *stringer) String() string { return s.s } // panics on nil

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("to", v.s)) }

type nested struct {
	To    string
	Inner *nested
}

func TestLoggerMasks(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("signalling conversation:+%s: %w", number, errors.New("no +"+number))
	tests := []struct {
		name string
		log  func(*slog.Logger)
	}{
		{"message", func(l *slog.Logger) { l.Info("to +" + number) }},
		{"string", func(l *slog.Logger) { l.Info("x", "to", number) }},
		{"key", func(l *slog.Logger) { l.Info("x", "+"+number, 1) }},
		{"error", func(l *slog.Logger) { l.Error("x", "error", wrapped) }},
		{"joined errors", func(l *slog.Logger) { l.Error("x", "error", errors.Join(wrapped, wrapped)) }},
		{"stringer", func(l *slog.Logger) { l.Info("x", "to", &stringer{number}) }},
		{"valuer", func(l *slog.Logger) { l.Info("x", "who", valuer{number}) }},
		{"group", func(l *slog.Logger) {
			l.Info("x", slog.Group("a", slog.Group("b", "to", number, "error", wrapped)))
		}},
		{"with", func(l *slog.Logger) { l.With("WorkflowID", "conversation:+"+number).Info("x") }},
		{"with group", func(l *slog.Logger) { l.WithGroup("+"+number).With("to", number).Info("x", "again", number) }},
		{"struct", func(l *slog.Logger) { l.Info("x", "in", nested{To: number}) }},
		{"behind pointers", func(l *slog.Logger) { l.Info("x", "in", &nested{Inner: &nested{To: number}}) }},
		{"slice", func(l *slog.Logger) { l.Info("x", "to", []string{"a", number}) }},
		{"map", func(l *slog.Logger) { l.Info("x", "to", map[string]any{"+" + number: 1}) }},
		{"bytes", func(l *slog.Logger) { l.Info("x", "body", []byte(`{"to":"`+number+`"}`)) }},
		{"the SDK's logger", func(l *slog.Logger) {
			sdklog.With(sdklog.NewStructuredLogger(l), "WorkflowID", "conversation:+"+number).Error("to "+number, "Error", wrapped)
		}},
		{"the standard logger", func(l *slog.Logger) {
			slog.NewLogLogger(l.Handler(), slog.LevelWarn).Print("http: panic serving +" + number)
		}},
	}
	for _, tt := range tests {
		for _, format := range []telemetry.Format{telemetry.Text, telemetry.JSON} {
			t.Run(tt.name+", "+string(format), func(t *testing.T) {
				t.Parallel()
				var out bytes.Buffer
				tt.log(telemetry.Logger(&out, format, slog.LevelInfo))
				require.NotContains(t, out.String(), number)
				require.Contains(t, out.String(), "+1•••543")
			})
		}
	}
}

func TestLoggerKeeps(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.Logger(&out, telemetry.JSON, slog.LevelInfo)
	var nobody *stringer
	log.Info("ready", "n", int64(15559876543), "took", 3*time.Second, "at", time.Unix(1634579353, 0).UTC(), "ok", true,
		"run", "550e8400-e29b-41d4-a716-446655440000", "list", []int{1, 2}, "nothing", nil, "nobody", nobody)
	log.Debug("not seen")
	line := out.String()
	for _, want := range []string{
		`"n":15559876543`, `"took":3000000000`, `"at":"2021-10-18T17:49:13Z"`, `"ok":true`,
		`"run":"550e8400-e29b-41d4-a716-446655440000"`, `"list":[1,2]`, `"nothing":null`, `"nobody":"<nil>"`,
	} {
		require.Contains(t, line, want)
	}
	require.Equal(t, 1, strings.Count(line, "\n"))
	require.False(t, log.Enabled(context.Background(), slog.LevelDebug))
}
