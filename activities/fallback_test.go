package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
)

var undelivered = wire.Undelivered{
	Key: "run-1", Contact: "+15559876543", Sender: "+12065550100", From: "AppointmentConfirmation", Text: "See you at 9?",
	Reference: "A-17", Reason: "UNREACHABLE", Question: true, At: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC),
}

// letters is a fallback of somebody's own.
type letters struct {
	written []wire.Undelivered
	err     error
}

func (l *letters) FallBack(_ context.Context, u wire.Undelivered) error {
	l.written = append(l.written, u)
	return l.err
}

func TestHandOver(t *testing.T) {
	t.Parallel()

	_, err := run[any](t, (&activities.Fallbacks{}).HandOver, undelivered)
	require.NoError(t, err, "without a fallback there is nothing to do")

	own := &letters{}
	_, err = run[any](t, (&activities.Fallbacks{Fallback: own}).HandOver, undelivered)
	require.NoError(t, err)
	require.Equal(t, []wire.Undelivered{undelivered}, own.written)

	own.err = errors.New("no paper")
	_, err = run[any](t, (&activities.Fallbacks{Fallback: own}).HandOver, undelivered)
	require.ErrorContains(t, err, "no paper")
}

func TestHookFallback(t *testing.T) {
	t.Parallel()

	service := listen(t, http.StatusNoContent)
	fallbacks := &activities.Fallbacks{Fallback: activities.HookFallback{Hook: service.hook}}
	for range 2 {
		_, err := run[any](t, fallbacks.HandOver, undelivered)
		require.NoError(t, err)
	}
	got := service.requests()
	require.Len(t, got, 2)
	for _, r := range got {
		require.Equal(t, "run-1", r.header.Get("Idempotency-Key"))
		var posted wire.Undelivered
		require.NoError(t, json.Unmarshal(r.body, &posted))
		require.Equal(t, undelivered, posted)
	}
	require.JSONEq(t, `{"key":"run-1","contact":"+15559876543","sender":"+12065550100","from":"AppointmentConfirmation",
		"text":"See you at 9?","reference":"A-17","reason":"UNREACHABLE","question":true,"at":"2026-08-01T12:00:00Z"}`, string(got[0].body))
}

func TestHookFallbackFails(t *testing.T) {
	t.Parallel()

	refused(t, "PARLEY_FALLBACK_URL", func(t *testing.T, hook activities.Hook) error {
		_, err := run[any](t, (&activities.Fallbacks{Fallback: activities.HookFallback{Hook: hook}}).HandOver, undelivered)
		return err
	})
}
