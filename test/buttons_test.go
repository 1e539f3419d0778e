package test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

// allButtons lets the server skip time, and pause workflows.
var allButtons = e2e.Server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true", "--dynamic-config-value", "frontend.WorkflowPauseEnabled=true")

func (w *world) describe(id string) *workflowservice.DescribeWorkflowExecutionResponse {
	w.T.Helper()
	described, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
	require.NoError(w.T, err)
	return described
}

// pendingSend waits until a conversation has handed a text to SendMessage that
// has not ended.
func (w *world) pendingSend(contact sms.Number) *workflowpb.PendingActivityInfo {
	w.T.Helper()
	var pending *workflowpb.PendingActivityInfo
	w.Eventually("a text is to be sent", func() bool {
		described, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(contact, ""), "")
		for _, a := range described.GetPendingActivities() {
			if a.GetActivityType().GetName() == "SendMessage" {
				pending = a
			}
		}
		return err == nil && pending != nil
	})
	return pending
}

// waitsToTry waits until a text waits for its next try.
func (w *world) waitsToTry(contact sms.Number) {
	w.T.Helper()
	w.Eventually("a text waits for its next try", func() bool {
		outbox := w.State(contact).Outbox
		return len(outbox) > 0 && !outbox[0].Delivery.NextTry.IsZero()
	})
}

func (w *world) pauseWorkflow(id string) {
	w.T.Helper()
	_, err := w.Temporal.WorkflowService().PauseWorkflowExecution(w.Ctx(), &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: w.Namespace, WorkflowId: id, Reason: "test", RequestId: id + " pause",
	})
	require.NoError(w.T, err)
	require.Equal(w.T, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, w.describe(id).GetWorkflowExecutionInfo().GetStatus())
}

func (w *world) unpauseWorkflow(id string) {
	w.T.Helper()
	_, err := w.Temporal.WorkflowService().UnpauseWorkflowExecution(w.Ctx(), &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: w.Namespace, WorkflowId: id, Reason: "test", RequestId: id + " unpause",
	})
	require.NoError(w.T, err)
}

func (w *world) rating(id string) workflows.Rating {
	w.T.Helper()
	var result workflows.Rating
	require.NoError(w.T, w.Temporal.GetWorkflow(w.Ctx(), id, "").Get(w.Ctx(), &result))
	return result
}

// Cancelling a conversation is recorded and has no other effect, not even on a
// text that is on the wire.
func TestConversationIsCancelled(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	id := wire.ID(ana, "")
	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, To: ana, For: sinchtest.Duration(3 * time.Second)})
	w.Text(ana, "blue")
	w.pendingSend(ana)
	for range 2 {
		require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), id, ""))
	}
	w.Receives(ana, "Please reply with one number")
	w.Eventually("it is recorded", func() bool { return w.State(ana).Attention() != nil })
	require.Contains(t, w.State(ana).Attention().Reason, "cancelled")
	w.Text(ana, "5")
	w.Receives(ana, "glad you liked it")
	require.Equal(t, workflows.Rating{Stars: "5"}, w.rating("feedback"))
	w.Text(ana, "bye")
	w.Receives(ana, youSaid("bye"))
	require.Len(t, w.Sim.Sent(), 4, "nothing twice")
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, w.describe(id).GetWorkflowExecutionInfo().GetStatus())

	require.NoError(t, w.Client().Skip(w.Ctx(), ana, "", "seen", wire.Mend{}))
	w.Eventually("it has been seen", func() bool { return w.State(ana).Attention() == nil })
}

// A script that is cancelled before its question has left takes that back, and
// keeps nobody waiting.
func TestScriptIsCancelledBeforeItsQuestionLeft(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429, RetryAfter: sinchtest.Duration(10 * time.Minute), To: ana})
	run := w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Eventually("the carrier refuses it for now", func() bool { return w.Sim.Stats().Answers["send 429"] == 1 })
	w.waitsToTry(ana)
	w.Start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.Eventually("the second waits", func() bool { return len(w.State(ana).Questions) == 2 })
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), "feedback-1", ""))

	var cancelled *temporal.CanceledError
	require.ErrorAs(t, run.Get(w.Ctx(), nil), &cancelled)
	w.Receives(ana, "the second shop")
	w.Text(ana, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-2"))
	w.Receives(ana, "glad you liked it")
	require.Len(t, w.Sim.Sent(), 2, "the first question was not sent")
	require.Equal(t, sms.StatusDropped, w.State(ana).Transcript[0].Status)
}

// A question whose script is terminated keeps the next one waiting for five
// minutes at most.
func TestTerminatedScriptFreesTheNumber(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Receives(ana, "the first shop")
	w.Start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.Eventually("the second waits", func() bool { q := w.State(ana).Questions; return len(q) == 2 && !q[0].OpenSince.IsZero() })
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), "feedback-1", "", "test"))
	w.fastForward(wire.ID(ana, ""), 10*time.Minute)
	w.Receives(ana, "the second shop")
	w.Eventually("it is open", func() bool { q := w.State(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.Text(ana, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-2"))
	require.Empty(t, w.State(ana).Concerns)
}

// A conversation that is terminated forgets everything, a STOP too, until it is
// told again.
func TestTerminatedConversationForgets(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	id := wire.ID(ana, "")
	w.Text(ana, "hello")
	w.Receives(ana, youSaid("hello"))
	w.Text(ana, "STOP")
	w.Receives(ana, "unsubscribed")
	w.Eventually("it is recorded", func() bool { return w.State(ana).OptedOut != nil })
	out := *w.State(ana).OptedOut
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), id, "", "test"))
	first := w.describe(id).GetWorkflowExecutionInfo().GetExecution().GetRunId()

	w.Text(ana, "hello?")
	w.Receives(ana, youSaid("hello?"))
	require.NotEqual(t, first, w.describe(id).GetWorkflowExecutionInfo().GetExecution().GetRunId(), "it came back")
	w.Eventually("it is recorded", func() bool { return len(w.State(ana).Transcript) == 2 })
	require.NoError(t, w.Client().OptOut(w.Ctx(), ana, "", wire.Consent{At: out.Accepted, Source: "text", Words: out.Text}))
	w.Eventually("it knows again", func() bool { return w.State(ana).OptedOut != nil })
	w.Text(ana, "still there?")
	w.Text(ana, "START") // whatever comes now comes behind what was not answered
	w.Receives(ana, "subscribed again")
	require.Len(t, w.Sim.Sent(), 4)
}

// A conversation that is reset although nobody can know what it sent in the life
// before sends nothing twice. What it cannot know it parks until a person has
// decided, and a script is told that its question may not have arrived.
func TestConversationIsResetWithoutAList(t *testing.T) {
	t.Parallel()

	w := newWorld(t, func(_ *e2e.World, o *sinchtest.Options) { o.Mode = sinchtest.Dispatch })
	w.Text(ana, "one")
	w.Receives(ana, youSaid("one"))
	w.Start("feedback", "Feedback", feedback(bob, "the shop"))
	w.Receives(bob, "How was your visit")
	for _, contact := range []sms.Number{ana, bob} { // a receipt that comes after the reset would settle the doubt
		w.Eventually("it has arrived", func() bool {
			said := w.State(contact).Transcript
			return len(said) > 0 && said[len(said)-1].Status == sms.StatusDelivered
		})
	}
	for _, contact := range []sms.Number{ana, bob} {
		w.reset(wire.ID(contact, ""))
		w.Eventually("it needs attention", func() bool { return w.needsAttention(contact) })
	}
	require.Equal(t, workflows.Rating{}, w.rating("feedback"))
	require.Empty(t, w.State(bob).Parked, "nobody waits for an answer any more")
	require.Len(t, w.State(ana).Parked, 1)
	require.Equal(t, wire.ParkedInDoubt, w.State(ana).Parked[0].Code)
	require.Len(t, w.Sim.Sent(), 2, "nothing twice")

	w.Text(ana, "two") // the run that was reset cannot tell old from new
	w.Eventually("the reply is parked", func() bool { return len(w.State(ana).Parked) == 2 })
	newer := w.State(ana).Parked[1]
	require.Equal(t, youSaid("two"), newer.Message.Text)
	require.NoError(t, w.Client().Retry(w.Ctx(), ana, "", "two", wire.Mend{IDs: []string{newer.ID}}))
	w.Receives(ana, youSaid("two"))
	require.NoError(t, w.Client().Skip(w.Ctx(), ana, "", "one", wire.Mend{Why: "the phone has it"}))
	w.Eventually("nothing needs attention", func() bool { return !w.needsAttention(ana) })
	require.Len(t, w.Sim.Sent(), 3)
}

// Pausing the activity that sends holds back this text and those behind it, and
// nobody else's. STOP is heard.
func TestSendMessageIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"))
	w.StopWorker()
	part := func(only string) {
		p := w.Run("worker-"+only, "worker", w.Settings, "--only", only)
		w.Await(p, func(context.Context) bool { return p.Said("msg=ready") })
	}
	part("conversations")
	stops := number(1)
	for _, contact := range []sms.Number{ana, bob, stops} {
		w.Text(contact, "one")
		w.pendingSend(contact)
	}
	for _, contact := range []sms.Number{ana, stops} {
		_, err := w.Temporal.WorkflowService().PauseActivity(w.Ctx(), &workflowservice.PauseActivityRequest{
			Namespace: w.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: wire.ID(contact, "")},
			Activity: &workflowservice.PauseActivityRequest_Type{Type: "SendMessage"}, Reason: "test", RequestId: "pause",
		})
		require.NoError(t, err)
	}
	part("send")
	w.Receives(bob, youSaid("one"))
	w.Text(ana, "two")
	w.Text(stops, "STOP")
	w.Receives(stops, "unsubscribed")
	require.Len(t, e2e.Texts(w.Sim.Phone(stops).Messages()), 1, "what was paused is dropped")
	require.Equal(t, sms.StatusDropped, w.State(stops).Transcript[2].Status, "%+v", w.State(stops).Transcript)

	w.Text(bob, "two")
	w.Receives(bob, youSaid("two"))
	require.Empty(t, e2e.Texts(w.Sim.Phone(ana).Messages()))
	require.True(t, w.pendingSend(ana).GetPaused())
	_, err := w.Temporal.WorkflowService().UnpauseActivity(w.Ctx(), &workflowservice.UnpauseActivityRequest{
		Namespace: w.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: wire.ID(ana, "")},
		Activity: &workflowservice.UnpauseActivityRequest_Type{Type: "SendMessage"},
	})
	require.NoError(t, err)
	w.Receives(ana, youSaid("two"))
	require.Equal(t, []string{youSaid("one"), youSaid("two")}, e2e.Texts(w.Sim.Phone(ana).Messages()))
}

// A conversation that is paused takes everything and does nothing. When it goes
// on, a STOP that came meanwhile counts before it answers anything.
func TestConversationIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	for _, contact := range []sms.Number{ana, bob} {
		w.Text(contact, "one")
		w.Receives(contact, youSaid("one"))
		w.Eventually("delivered", func() bool { return w.said(contact, youSaid("one")).Status == sms.StatusDelivered })
		w.pauseWorkflow(wire.ID(contact, ""))
		w.Text(contact, "two")
		require.Equal(t, 202, w.Message(contact, "Your order is ready.", "order-7"))
	}
	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Text(bob, "STOP")
	w.Text(number(1), "one") // somebody else is answered
	w.Receives(number(1), youSaid("one"))

	_, err := w.Client().Send(w.Ctx(), ana, "", "order-8", wire.SendRequest{Text: "Your order is here."})
	require.ErrorContains(t, err, "paused")
	_, err = w.Client().State(w.Ctx(), ana, "")
	require.Error(t, err, "nobody can be asked")
	require.Len(t, w.Sim.Sent(), 3)

	for _, contact := range []sms.Number{ana, bob} {
		w.unpauseWorkflow(wire.ID(contact, ""))
	}
	w.Receives(bob, "unsubscribed")
	require.Len(t, e2e.Texts(w.Sim.Phone(bob).Messages()), 2, "nothing but the confirmation")
	w.Receives(ana, youSaid("two"))
	w.Receives(ana, "Your order is ready.")
	w.Receives(ana, "How was your visit")
	w.Text(ana, "5")
	require.Equal(t, workflows.Rating{Stars: "5"}, w.rating("feedback"))
	w.Receives(ana, "glad you liked it")
	require.Len(t, w.Sim.Sent(), 8, "nothing twice: %q", e2e.Texts(w.Sim.Sent()))
}

// A script that is paused is not gone: its question stays open although another
// one waits behind it, and its answer waits for it.
func TestScriptIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	w.Start("feedback-1", "Feedback", feedback(bob, "the first shop"))
	w.Receives(bob, "the first shop")
	w.Start("feedback-2", "Feedback", feedback(bob, "the second shop"))
	w.Eventually("the second waits", func() bool { q := w.State(bob).Questions; return len(q) == 2 && !q[0].OpenSince.IsZero() })
	first := w.State(bob).Questions[0]
	w.pauseWorkflow("feedback-1")
	w.fastForward(wire.ID(bob, ""), 10*time.Minute)
	w.Eventually("it is looked after, and kept", func() bool {
		q := w.State(bob).Questions
		return len(q) == 2 && q[0].ID == first.ID && q[0].CheckedAt.After(first.CheckedAt)
	})
	w.unpauseWorkflow("feedback-1")
	w.Text(bob, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-1"))

	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	w.Eventually("it is open", func() bool { q := w.State(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.pauseWorkflow("feedback")
	w.Text(ana, "2")
	w.Eventually("it is answered", func() bool { return len(w.State(ana).Questions) == 0 })
	w.Text(ana, "hello?") // after ten seconds of silence the floor is free
	w.Receives(ana, youSaid("hello?"))
	w.unpauseWorkflow("feedback")
	w.Receives(ana, "What went wrong?")
	w.Eventually("it is open", func() bool { q := w.State(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.Text(ana, "Everything")
	require.Equal(t, workflows.Rating{Stars: "2", Why: "Everything"}, w.rating("feedback"))
}
