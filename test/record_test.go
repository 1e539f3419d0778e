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

	"parley/conversation"
	"parley/sinch/sinchtest"
	"parley/sms"
)

var record = flag.String("record", "", "record histories under this version's name, such as v1, for the replay tests; never overwrites any")

// save writes the history of a run as a replay test reads it.
func (w *world) save(folder, name, id, runID string) {
	w.t.Helper()
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(w.history(id, runID))
	require.NoError(w.t, err)
	path := filepath.Join("..", folder, "testdata", "histories", *record, name+".json")
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o750))
	_, err = os.Stat(path)
	require.ErrorIs(w.t, err, os.ErrNotExist, "a recorded history is never made anew")
	require.NoError(w.t, os.WriteFile(path, raw, 0o600))
}

// runs are all runs of a workflow id, oldest first.
func (w *world) runs(id string, atLeast int) []string {
	w.t.Helper()
	var runs []string
	w.eventually("visibility shows the runs", func() bool {
		list, err := w.temporal.ListWorkflow(w.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "' ORDER BY StartTime"})
		if err != nil { // this server's visibility cannot sort
			list, err = w.temporal.ListWorkflow(w.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "'"})
		}
		require.NoError(w.t, err)
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
	w := newWorld(t, setting("PARLEY_CONTINUE_AFTER", "60"), setting("PARLEY_IDLE_AFTER", "3s"), setting("PARLEY_DEVELOPMENT", "true"),
		setting("PARLEY_ARCHIVE_DIR", t.TempDir()), setting("PARLEY_NOTIFY_URL", services.URL), setting("PARLEY_FALLBACK_URL", services.URL))
	conversationOf := conversation.ID(ana, "")

	// Turns of the responder, a message of the application, two scripts, consent,
	// an operator's cancellation, junk; and continuing as new in between.
	first := w.start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.receives(ana, "the first shop")
	second := w.start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.text(ana, "blue")
	w.receives(ana, "Please reply with one number")
	w.text(ana, "2")
	w.receives(ana, "What went wrong?")
	w.text(ana, "Everything")
	w.receives(ana, "the second shop")
	require.NoError(t, w.temporal.CancelWorkflow(w.ctx(), "feedback-2", ""))
	require.Error(t, second.Get(w.ctx(), nil))
	require.NoError(t, first.Get(w.ctx(), nil))
	require.NoError(t, w.temporal.CancelWorkflow(w.ctx(), conversationOf, ""))
	require.NoError(t, w.temporal.SignalWorkflow(w.ctx(), conversationOf, "", conversation.EventSignal, "junk"))
	_, err := w.client().Send(w.ctx(), ana, "", "order-7", conversation.SendRequest{Text: "Your order is ready.", Reference: "order-7"})
	require.NoError(t, err)
	for i := range 4 {
		w.text(ana, "text "+strconv.Itoa(i))
		w.receives(ana, youSaid("text "+strconv.Itoa(i)))
	}
	third := w.start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.receives(ana, "Does that suit you?")
	w.text(ana, "what?")
	w.receives(ana, "Sorry, I did not get that.")
	w.text(ana, "yes please")
	w.receives(ana, "See you on")
	require.NoError(t, third.Get(w.ctx(), nil))
	fourth := w.start("feedback-3", "Feedback", feedback(ana, "the third shop"))
	w.receives(ana, "the third shop")
	w.text(ana, "STOP")
	w.receives(ana, "unsubscribed")
	require.NoError(t, fourth.Get(w.ctx(), nil))
	w.text(ana, "START")
	w.receives(ana, "subscribed again")

	w.recordTrouble()

	// A conversation that closes.
	w.text(bob, "hello")
	w.receives(bob, youSaid("hello"))
	w.eventually("it closes", func() bool {
		d, err := w.temporal.DescribeWorkflowExecution(w.ctx(), conversation.ID(bob, ""), "")
		return err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	time.Sleep(2 * time.Second) // visibility follows

	for i, run := range w.runs(conversationOf, 3) {
		w.save("conversation", "conversation-run-"+strconv.Itoa(i+1), conversationOf, run)
	}
	for i, run := range w.runs(conversation.ID(cyd, ""), 1) {
		w.save("conversation", "trouble-run-"+strconv.Itoa(i+1), conversation.ID(cyd, ""), run)
	}
	w.save("conversation", "conversation-closed", conversation.ID(bob, ""), "")
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
	w.t.Helper()
	send := func(text string, faults ...sinchtest.OneShot) {
		for _, f := range faults {
			f.To = cyd
			w.sim.Next(f)
		}
		_, err := w.client().Send(w.ctx(), cyd, "", text, conversation.SendRequest{Text: text, Reference: text})
		require.NoError(w.t, err)
	}
	parked := func(n int) {
		w.eventually("parked", func() bool { return len(w.state(cyd).Parked) == n })
	}
	send("off at first", sinchtest.OneShot{Fault: sinchtest.FaultFail, Reason: "RECIPIENT_NOT_REACHABLE"})
	w.eventually("sent once more", func() bool {
		return len(texts(w.sim.Phone(cyd).Messages())) == 2
	})
	send("never", sinchtest.OneShot{Fault: sinchtest.FaultFail, Reason: "CHANNEL_REJECT"})
	w.eventually("handed over", func() bool {
		state := w.state(cyd)
		return state.Transcript[len(state.Transcript)-1].Fallback != ""
	})
	w.sim.SetFaults(sinchtest.Faults{Receipts: sinchtest.NoReceipts})
	send("in doubt", sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500})
	w.eventually("found in the list", func() bool { return len(w.state(cyd).Outbox) == 0 })
	w.sim.SetFaults(sinchtest.Faults{})
	send("denied", sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403})
	parked(1)
	require.NoError(w.t, w.client().Retry(w.ctx(), cyd, "", "again", conversation.Mend{By: "kim"}))
	w.receives(cyd, "denied")
	send("skipped", sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403})
	parked(1)
	require.NoError(w.t, w.client().Skip(w.ctx(), cyd, "", "enough", conversation.Mend{By: "kim", Why: "called them"}))
	parked(0)
	require.NoError(w.t, w.client().OptOut(w.ctx(), cyd, "", conversation.Consent{At: time.Now(), Source: "form"}))
	w.eventually("opted out", func() bool { return w.state(cyd).OptedOut != nil })
}
