package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/test/e2e"
)

// business is told how scripts end, and fails the first time with each.
type business struct {
	mu   sync.Mutex
	told map[string][]wire.ScriptOutcome // by idempotency key
}

func (b *business) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var o wire.ScriptOutcome
	_ = json.NewDecoder(r.Body).Decode(&o)
	key := r.Header.Get("Idempotency-Key")
	if b.told[key] = append(b.told[key], o); len(b.told[key]) == 1 {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// workersLog is what the workers have said.
func (w *world) workersLog() string {
	w.T.Helper()
	var all strings.Builder
	for _, p := range w.Worker {
		said, err := os.ReadFile(p.Log)
		require.NoError(w.T, err)
		all.Write(said)
	}
	return all.String()
}

// Every script's end is told, whatever it is, without a word of the script's. What is told
// again is the same, under the same key.
func TestOutcomesAreTold(t *testing.T) {
	t.Parallel()
	b := &business{told: map[string][]wire.ScriptOutcome{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	w := newWorld(t, e2e.Setting("PARLEY_OUTCOME_URL", server.URL))

	rated := w.Start("feedback-1", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "the shop")
	w.Text(ana, "5")
	require.NoError(t, rated.Get(w.Ctx(), nil))
	confirmed := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.Text(ana, "yes")
	require.NoError(t, confirmed.Get(w.Ctx(), nil))
	failed := w.Start("appointment:A-18", "AppointmentConfirmation", strings.Replace(appointment(bob), "Europe/Berlin", "Berlin", 1))
	require.ErrorContains(t, failed.Get(w.Ctx(), nil), "Berlin")
	cancelled := w.Start("feedback-2", "Feedback", feedback(ana, "the other shop"))
	w.Receives(ana, "the other shop")
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), "feedback-2", ""))
	require.Error(t, cancelled.Get(w.Ctx(), nil))

	require.Len(t, b.told, 4)
	ends := map[string]wire.ScriptOutcome{}
	for key, told := range b.told {
		require.Len(t, told, 2, "once, and once more after the failure")
		require.Equal(t, told[0], told[1])
		require.Equal(t, key, told[0].ID)
		ends[told[0].WorkflowID] = told[0]
	}
	for _, want := range []wire.ScriptOutcome{
		{ID: rated.GetRunID() + "/completed", Script: "Feedback", WorkflowID: "feedback-1", Outcome: "completed", Result: json.RawMessage(`{"stars":"5"}`)},
		{
			ID: confirmed.GetRunID() + "/confirmed", Script: "AppointmentConfirmation", WorkflowID: "appointment:A-17", Reference: "A-17", Outcome: "confirmed",
			Result: json.RawMessage(`{"appointment_id":"A-17","outcome":"confirmed"}`),
		},
		{
			ID: failed.GetRunID() + "/failed", Script: "AppointmentConfirmation", WorkflowID: "appointment:A-18", Outcome: "failed",
			Error: `zone "Berlin" is not known: use an IANA name such as Europe/Berlin (type: InvalidInput, retryable: false)`,
		},
		{ID: cancelled.GetRunID() + "/cancelled", Script: "Feedback", WorkflowID: "feedback-2", Outcome: "cancelled", Error: "canceled"},
	} {
		got := ends[want.WorkflowID]
		require.False(t, got.Time.IsZero())
		want.Time = got.Time
		require.Equal(t, want, got)
	}
	for _, said := range []string{
		`level=INFO msg="A script ended" .*script=Feedback contact=\+1•••543 outcome=completed`,
		`level=INFO msg="A script ended" .*script=AppointmentConfirmation contact=\+1•••543 outcome=confirmed`,
		`level=ERROR msg="A script failed" .*script=AppointmentConfirmation contact=\+1•••143 outcome=failed reason=InvalidInput`,
		`level=INFO msg="A script ended" .*script=Feedback contact=\+1•••543 outcome=cancelled`,
	} {
		require.Regexp(t, said, w.workersLog())
	}
}
