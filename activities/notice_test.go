package activities_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
)

var parked = activities.Notice{
	ID: "run/p1", Conversation: "conversation:+15559876543", Contact: "+15559876543", Code: "carrier-away",
	Reason: "the carrier took nothing from +15559876543 for a day", Key: "run-1", Reference: "A-17", At: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC),
}

func TestNotifyPerson(t *testing.T) {
	t.Parallel()

	_, err := run[any](t, (&activities.Notices{}).NotifyPerson, parked)
	require.NoError(t, err, "without a URL nobody is told")

	service := listen(t, http.StatusAccepted)
	notices := &activities.Notices{Hook: service.hook}
	for range 2 {
		_, err := run[any](t, notices.NotifyPerson, parked)
		require.NoError(t, err)
	}
	got := service.requests()
	require.Len(t, got, 2)
	for _, r := range got {
		require.Equal(t, "run/p1", r.header.Get("Idempotency-Key"))
		var posted activities.Notice
		require.NoError(t, json.Unmarshal(r.body, &posted))
		require.Equal(t, parked, posted)
	}
	require.JSONEq(t, `{"id":"run/p1","conversation":"conversation:+15559876543","contact":"+15559876543","code":"carrier-away",
		"reason":"the carrier took nothing from +15559876543 for a day","key":"run-1","reference":"A-17","at":"2026-08-01T12:00:00Z"}`, string(got[0].body))
}

func TestNotifyPersonFails(t *testing.T) {
	t.Parallel()

	refused(t, "PARLEY_NOTIFY_URL", func(t *testing.T, hook activities.Hook) error {
		_, err := run[any](t, (&activities.Notices{Hook: hook}).NotifyPerson, parked)
		return err
	})
}
