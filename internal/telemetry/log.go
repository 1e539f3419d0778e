package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"parley/sms"
)

// A Format is the form of log lines.
type Format string

// Text is for people, JSON for collectors.
const (
	Text Format = "text"
	JSON Format = "json"
)

// Logger writes lines to w and masks every phone number in them.
func Logger(w io.Writer, format Format, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == JSON {
		return slog.New(Masking(slog.NewJSONHandler(w, options)))
	}
	return slog.New(Masking(slog.NewTextHandler(w, options)))
}

// Masking puts sms.Mask in front of a handler: nothing reaches it that was not
// masked, be it in the message, in a key, or in a value of any kind that is
// written as text. Libraries log workflow ids, and ours hold numbers.
func Masking(next slog.Handler) slog.Handler { return masking{next} }

type masking struct{ next slog.Handler }

func (m masking) Enabled(ctx context.Context, level slog.Level) bool {
	return m.next.Enabled(ctx, level)
}

func (m masking) Handle(ctx context.Context, record slog.Record) error {
	masked := slog.NewRecord(record.Time, record.Level, sms.Mask(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(maskAttr(a))
		return true
	})
	return m.next.Handle(ctx, masked)
}

func (m masking) WithAttrs(attrs []slog.Attr) slog.Handler {
	return masking{m.next.WithAttrs(maskAttrs(attrs))}
}

func (m masking) WithGroup(name string) slog.Handler {
	return masking{m.next.WithGroup(sms.Mask(name))}
}

func maskAttrs(attrs []slog.Attr) []slog.Attr {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = maskAttr(a)
	}
	return masked
}

func maskAttr(a slog.Attr) slog.Attr {
	a.Key = sms.Mask(a.Key)
	switch a.Value = a.Value.Resolve(); a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(sms.Mask(a.Value.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(maskAttrs(a.Value.Group())...)
	case slog.KindAny:
		a.Value = maskAny(a.Value)
	default: // numbers, times and durations are no phone numbers
	}
	return a
}

// maskAny looks at a value in every form in which a handler might write it. One
// that holds no number stays what it is.
func maskAny(value slog.Value) slog.Value {
	switch v := value.Any().(type) {
	case nil:
		return value
	case error:
		return slog.StringValue(sms.Mask(written(v.Error)))
	case fmt.Stringer:
		return slog.StringValue(sms.Mask(written(v.String)))
	case []byte:
		return slog.StringValue(sms.Mask(string(v)))
	default:
		text := written(func() string { return fmt.Sprintf("%+v", v) })
		if masked := sms.Mask(text); masked != text {
			return slog.StringValue(masked)
		}
		// JSON follows pointers, which %+v does not.
		if raw, err := json.Marshal(v); err == nil {
			if masked := sms.Mask(string(raw)); masked != string(raw) {
				return slog.StringValue(masked)
			}
		}
		return value
	}
}

// written calls a method of a value that may be a nil pointer: a log line must
// not bring anything down.
func written(text func() string) (s string) {
	defer func() {
		if cause := recover(); cause != nil {
			s = "<nil>"
		}
	}()
	return text()
}
