package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
)

var errand = wire.Errand{Hook: wire.HookFallback, ID: "run-1", Body: json.RawMessage(`{"key":"run-1","text":"See you at 9?","at":"2026-08-01T12:00:00Z"}`)}

// letters is a service of somebody's own.
type letters struct {
	told []string
	err  error
}

func (l *letters) Tell(_ context.Context, id string, body json.RawMessage) error {
	l.told = append(l.told, id+" "+string(body))
	return l.err
}

func TestTellService(t *testing.T) {
	t.Parallel()

	own := &letters{}
	services := activities.Services{wire.HookFallback: own}
	_, err := run[any](t, services.TellService, errand)
	require.NoError(t, err)
	require.Equal(t, []string{"run-1 " + string(errand.Body)}, own.told)

	own.err = errors.New("no paper")
	_, err = run[any](t, services.TellService, errand)
	require.ErrorContains(t, err, "no paper")

	_, err = run[any](t, services.TellService, wire.Errand{Hook: wire.HookNotify, ID: "run/p1", Body: errand.Body})
	require.NoError(t, err, "a service that is not set any more is not told")
	require.Len(t, own.told, 2)
}

func TestPosted(t *testing.T) {
	t.Parallel()

	service := listen(t, http.StatusNoContent)
	services := activities.Services{wire.HookFallback: activities.Posted{Hook: service.hook, Setting: "PARLEY_FALLBACK_URL"}}
	for range 2 {
		_, err := run[any](t, services.TellService, errand)
		require.NoError(t, err)
	}
	got := service.requests()
	require.Len(t, got, 2)
	for _, r := range got {
		require.Equal(t, "run-1", r.header.Get("Idempotency-Key"))
		require.JSONEq(t, string(errand.Body), string(r.body))
	}
}

func TestPostedFails(t *testing.T) {
	t.Parallel()

	for _, to := range wire.Hooks() {
		refused(t, to.Setting(), func(t *testing.T, hook activities.Hook) error {
			_, err := run[any](t, activities.Services{to: activities.Posted{Hook: hook, Setting: to.Setting()}}.TellService, wire.Errand{Hook: to, ID: "x", Body: errand.Body})
			return err
		})
	}
}
