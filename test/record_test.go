package test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

var record = flag.String("record", "", "record histories under this version's name, such as v1, for the replay tests; never overwrites any")

// save writes the history of a run as a replay test reads it.
func (w *world) save(folder, name, id, runID string) {
	w.T.Helper()
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(w.history(id, runID))
	require.NoError(w.T, err)
	path := filepath.Join("..", folder, "testdata", "histories", *record, name+".json")
	require.NoError(w.T, os.MkdirAll(filepath.Dir(path), 0o750))
	_, err = os.Stat(path)
	require.ErrorIs(w.T, err, os.ErrNotExist, "a recorded history is never made again")
	require.NoError(w.T, os.WriteFile(path, raw, 0o600))
}

// runs are all runs of a workflow id, oldest first.
func (w *world) runs(id string, atLeast int) []string {
	w.T.Helper()
	var runs []string
	w.Eventually("visibility shows the runs", func() bool {
		list, err := w.Temporal.ListWorkflow(w.Ctx(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "' ORDER BY StartTime"})
		if err != nil { // this server's visibility cannot sort
			list, err = w.Temporal.ListWorkflow(w.Ctx(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "'"})
		}
		require.NoError(w.T, err)
		runs = nil
		for _, e := range list.GetExecutions() {
			runs = append([]string{e.GetExecution().GetRunId()}, runs...)
		}
		return len(runs) >= atLeast
	})
	return runs
}

// TestRecord plays what the replay tests need histories of.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("records histories only when asked to: go test ./test -run TestRecord -record v2")
	}
	services := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(services.Close)
	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "60"), e2e.Setting("PARLEY_IDLE_AFTER", "3s"), e2e.Setting("PARLEY_DEVELOPMENT", "true"),
		e2e.Setting("PARLEY_ARCHIVE_DIR", t.TempDir()), e2e.Setting("PARLEY_NOTIFY_URL", services.URL), e2e.Setting("PARLEY_FALLBACK_URL", services.URL))
	conversationOf := wire.ID(ana, "")

	// Turns of the responder, a message of the application, two scripts, consent,
	// an operator's cancellation, junk; and continuing as new in between.
	first := w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Receives(ana, "the first shop")
	second := w.Start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.Text(ana, "blue")
	w.Receives(ana, "Please reply with one number")
	w.Text(ana, "2")
	w.Receives(ana, "What went wrong?")
	w.Text(ana, "Everything")
	w.Receives(ana, "the second shop")
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), "feedback-2", ""))
	require.Error(t, second.Get(w.Ctx(), nil))
	require.NoError(t, first.Get(w.Ctx(), nil))
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), conversationOf, ""))
	require.NoError(t, w.Temporal.SignalWorkflow(w.Ctx(), conversationOf, "", wire.EventSignal, "junk"))
	_, err := w.Client().Send(w.Ctx(), ana, "", "order-7", wire.SendRequest{Text: "Your order is ready.", Reference: "order-7"})
	require.NoError(t, err)
	for i := range 4 {
		w.Text(ana, "text "+strconv.Itoa(i))
		w.Receives(ana, youSaid("text "+strconv.Itoa(i)))
	}
	third := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.Text(ana, "what?")
	w.Receives(ana, "Sorry, I did not get that.")
	w.Text(ana, "yes please")
	w.Receives(ana, "See you on")
	require.NoError(t, third.Get(w.Ctx(), nil))
	fourth := w.Start("feedback-3", "Feedback", feedback(ana, "the third shop"))
	w.Receives(ana, "the third shop")
	w.Text(ana, "STOP")
	w.Receives(ana, "unsubscribed")
	require.NoError(t, fourth.Get(w.Ctx(), nil))
	w.Text(ana, "START")
	w.Receives(ana, "subscribed again")

	w.recordTrouble()

	// A conversation that closes.
	w.Text(bob, "hello")
	w.Receives(bob, youSaid("hello"))
	w.Eventually("it closes", func() bool {
		d, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(bob, ""), "")
		return err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	time.Sleep(2 * time.Second) // visibility follows

	for i, run := range w.runs(conversationOf, 3) {
		w.save("conversation/engine", "conversation-run-"+strconv.Itoa(i+1), conversationOf, run)
	}
	for i, run := range w.runs(wire.ID(cyd, ""), 1) {
		w.save("conversation/engine", "trouble-run-"+strconv.Itoa(i+1), wire.ID(cyd, ""), run)
	}
	w.save("conversation/engine", "conversation-closed", wire.ID(bob, ""), "")
	w.save("workflows", "feedback-two-questions", "feedback-1", "")
	w.save("workflows", "feedback-cancelled", "feedback-2", "")
	w.save("workflows", "feedback-opted-out", "feedback-3", "")
	w.save("workflows", "appointment-confirmed", "appointment:A-17", "")
}

const cyd sms.Number = "+15559876545"

// recordTrouble plays what goes wrong with texts: one that does not arrive and
// is sent once more, one that never arrives, one that is denied, parked and
// tried again, one that is skipped, a doubt, and consent from elsewhere.
func (w *world) recordTrouble() {
	w.T.Helper()
	send := func(text string, faults ...sinchtest.OneShot) {
		for _, f := range faults {
			f.To = cyd
			w.Sim.Next(f)
		}
		_, err := w.Client().Send(w.Ctx(), cyd, "", text, wire.SendRequest{Text: text, Reference: text})
		require.NoError(w.T, err)
	}
	parked := func(n int) {
		w.Eventually("parked", func() bool { return len(w.State(cyd).Parked) == n })
	}
	send("off at first", sinchtest.OneShot{Fault: sinchtest.FaultFail, Reason: "RECIPIENT_NOT_REACHABLE"})
	w.Eventually("sent once more", func() bool {
		return len(e2e.Texts(w.Sim.Phone(cyd).Messages())) == 2
	})
	send("never", sinchtest.OneShot{Fault: sinchtest.FaultFail, Reason: "CHANNEL_REJECT"})
	w.Eventually("handed over", func() bool {
		state := w.State(cyd)
		return state.Transcript[len(state.Transcript)-1].Fallback != ""
	})
	w.Sim.SetFaults(sinchtest.Faults{Receipts: sinchtest.NoReceipts})
	send("in doubt", sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500})
	w.Eventually("found in the list", func() bool { return len(w.State(cyd).Outbox) == 0 })
	w.Sim.SetFaults(sinchtest.Faults{})
	send("denied", sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403})
	parked(1)
	require.NoError(w.T, w.Client().Retry(w.Ctx(), cyd, "", "again", wire.Mend{By: "kim"}))
	w.Receives(cyd, "denied")
	send("skipped", sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403})
	parked(1)
	require.NoError(w.T, w.Client().Skip(w.Ctx(), cyd, "", "enough", wire.Mend{By: "kim", Why: "called them"}))
	parked(0)
	require.NoError(w.T, w.Client().OptOut(w.Ctx(), cyd, "", wire.Consent{At: time.Now(), Source: "form"}))
	w.Eventually("opted out", func() bool { return w.State(cyd).OptedOut != nil })
}
