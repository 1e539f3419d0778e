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

	"parley/conversation"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/workflows"
)

// allButtons lets the server skip time, and pause workflows.
var allButtons = server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true", "--dynamic-config-value", "frontend.WorkflowPauseEnabled=true")

func (w *world) describe(id string) *workflowservice.DescribeWorkflowExecutionResponse {
	w.t.Helper()
	described, err := w.temporal.DescribeWorkflowExecution(w.ctx(), id, "")
	require.NoError(w.t, err)
	return described
}

// pendingSend waits until a conversation has handed a text to SendMessage that
// has not ended.
func (w *world) pendingSend(contact sms.Number) *workflowpb.PendingActivityInfo {
	w.t.Helper()
	var pending *workflowpb.PendingActivityInfo
	w.eventually("a text is to be sent", func() bool {
		described, err := w.temporal.DescribeWorkflowExecution(w.ctx(), conversation.ID(contact, ""), "")
		for _, a := range described.GetPendingActivities() {
			if a.GetActivityType().GetName() == "SendMessage" {
				pending = a
			}
		}
		return err == nil && pending != nil
	})
	return pending
}

func (w *world) pauseWorkflow(id string) {
	w.t.Helper()
	_, err := w.temporal.WorkflowService().PauseWorkflowExecution(w.ctx(), &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: w.namespace, WorkflowId: id, Reason: "test", RequestId: id + " pause",
	})
	require.NoError(w.t, err)
	require.Equal(w.t, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, w.describe(id).GetWorkflowExecutionInfo().GetStatus())
}

func (w *world) unpauseWorkflow(id string) {
	w.t.Helper()
	_, err := w.temporal.WorkflowService().UnpauseWorkflowExecution(w.ctx(), &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: w.namespace, WorkflowId: id, Reason: "test", RequestId: id + " unpause",
	})
	require.NoError(w.t, err)
}

func (w *world) rating(id string) workflows.Rating {
	w.t.Helper()
	var result workflows.Rating
	require.NoError(w.t, w.temporal.GetWorkflow(w.ctx(), id, "").Get(w.ctx(), &result))
	return result
}

// Cancelling a conversation is recorded and has no other effect, not even on a
// text that is on the wire.
func TestConversationIsCancelled(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	id := conversation.ID(ana, "")
	w.start("feedback", "Feedback", feedback(ana, "the shop"))
	w.receives(ana, "How was your visit")
	w.sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, To: ana, For: sinchtest.Duration(3 * time.Second)})
	w.text(ana, "blue")
	w.pendingSend(ana)
	for range 2 {
		require.NoError(t, w.temporal.CancelWorkflow(w.ctx(), id, ""))
	}
	w.receives(ana, "Please reply with one number")
	w.eventually("it is recorded", func() bool { at := w.state(ana).Attention; return at != nil })
	require.Contains(t, w.state(ana).Attention.Reason, "cancelled")
	w.text(ana, "5")
	w.receives(ana, "glad you liked it")
	require.Equal(t, workflows.Rating{Stars: "5"}, w.rating("feedback"))
	w.text(ana, "bye")
	w.receives(ana, youSaid("bye"))
	require.Len(t, w.sim.Sent(), 4, "nothing twice")
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, w.describe(id).GetWorkflowExecutionInfo().GetStatus())

	require.NoError(t, w.client().Skip(w.ctx(), ana, "", "seen", conversation.Mend{}))
	w.eventually("it has been seen", func() bool { return w.state(ana).Attention == nil })
}

// A script that is cancelled before its question has left takes that back, and
// keeps nobody waiting.
func TestScriptIsCancelledBeforeItsQuestionLeft(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429, RetryAfter: sinchtest.Duration(10 * time.Minute), To: ana})
	run := w.start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.eventually("the carrier refuses it for now", func() bool { return w.sim.Stats().Answers["send 429"] == 1 })
	w.pendingSend(ana)
	w.start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.eventually("the second waits", func() bool { return len(w.state(ana).Questions) == 2 })
	require.NoError(t, w.temporal.CancelWorkflow(w.ctx(), "feedback-1", ""))

	var cancelled *temporal.CanceledError
	require.ErrorAs(t, run.Get(w.ctx(), nil), &cancelled)
	w.receives(ana, "the second shop")
	w.text(ana, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-2"))
	w.receives(ana, "glad you liked it")
	require.Len(t, w.sim.Sent(), 2, "the first question was not sent")
	require.Equal(t, sms.StatusDropped, w.state(ana).Transcript[0].Status)
}

// A question whose script is terminated keeps the next one waiting for five
// minutes at most.
func TestTerminatedScriptFreesTheNumber(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	w.start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.receives(ana, "the first shop")
	w.start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.eventually("the second waits", func() bool { q := w.state(ana).Questions; return len(q) == 2 && !q[0].OpenSince.IsZero() })
	require.NoError(t, w.temporal.TerminateWorkflow(w.ctx(), "feedback-1", "", "test"))
	w.fastForward(conversation.ID(ana, ""), 10*time.Minute)
	w.receives(ana, "the second shop")
	w.eventually("it is open", func() bool { q := w.state(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.text(ana, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-2"))
	require.Nil(t, w.state(ana).Attention)
}

// A conversation that is terminated forgets everything, a STOP too, until it is
// told again.
func TestTerminatedConversationForgets(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	id := conversation.ID(ana, "")
	w.text(ana, "hello")
	w.receives(ana, youSaid("hello"))
	w.text(ana, "STOP")
	w.receives(ana, "unsubscribed")
	w.eventually("it is recorded", func() bool { return w.state(ana).OptedOut != nil })
	out := *w.state(ana).OptedOut
	require.NoError(t, w.temporal.TerminateWorkflow(w.ctx(), id, "", "test"))
	first := w.describe(id).GetWorkflowExecutionInfo().GetExecution().GetRunId()

	w.text(ana, "hello?")
	w.receives(ana, youSaid("hello?"))
	require.NotEqual(t, first, w.describe(id).GetWorkflowExecutionInfo().GetExecution().GetRunId(), "it came back")
	w.eventually("it is recorded", func() bool { return len(w.state(ana).Transcript) == 2 })
	require.NoError(t, w.client().OptOut(w.ctx(), ana, "", conversation.Consent{At: out.Accepted, Source: "text", Words: out.Text}))
	w.eventually("it knows again", func() bool { return w.state(ana).OptedOut != nil })
	w.text(ana, "still there?")
	w.text(ana, "START") // whatever comes now comes behind what was not answered
	w.receives(ana, "subscribed again")
	require.Len(t, w.sim.Sent(), 4)
}

// A conversation that is reset although nobody can know what it sent in the life
// before sends nothing twice. What it cannot know it parks until a person has
// decided, and a script is told that its question may not have arrived.
func TestConversationIsResetWithoutAList(t *testing.T) {
	t.Parallel()

	w := newWorld(t, func(_ *world, o *sinchtest.Options) { o.Mode = sinchtest.Dispatch })
	w.text(ana, "one")
	w.receives(ana, youSaid("one"))
	w.start("feedback", "Feedback", feedback(bob, "the shop"))
	w.receives(bob, "How was your visit")
	for _, contact := range []sms.Number{ana, bob} { // a receipt that comes after the reset would settle the doubt
		w.eventually("it has arrived", func() bool {
			said := w.state(contact).Transcript
			return len(said) > 0 && said[len(said)-1].Status == sms.StatusDelivered
		})
	}
	for _, contact := range []sms.Number{ana, bob} {
		w.reset(conversation.ID(contact, ""))
		w.eventually("it needs attention", func() bool { return w.needsAttention(contact) })
	}
	require.Equal(t, workflows.Rating{}, w.rating("feedback"))
	require.Empty(t, w.state(bob).Parked, "nobody waits for an answer any more")
	require.Len(t, w.state(ana).Parked, 1)
	require.Equal(t, conversation.ParkedInDoubt, w.state(ana).Parked[0].Code)
	require.Len(t, w.sim.Sent(), 2, "nothing twice")

	w.text(ana, "two") // the run that was reset cannot tell old from new
	w.eventually("the reply is parked", func() bool { return len(w.state(ana).Parked) == 2 })
	newer := w.state(ana).Parked[1]
	require.Equal(t, youSaid("two"), newer.Message.Text)
	require.NoError(t, w.client().Retry(w.ctx(), ana, "", "two", conversation.Mend{IDs: []string{newer.ID}}))
	w.receives(ana, youSaid("two"))
	require.NoError(t, w.client().Skip(w.ctx(), ana, "", "one", conversation.Mend{Why: "the phone has it"}))
	w.eventually("nothing needs attention", func() bool { return !w.needsAttention(ana) })
	require.Len(t, w.sim.Sent(), 3)
}

// Pausing the activity that sends holds back this text and those behind it, and
// nobody else's. STOP is heard.
func TestSendMessageIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, setting("PARLEY_SEND_TASK_QUEUE", "sending"))
	w.stopWorker()
	part := func(only string) {
		p := w.run("worker-"+only, "worker", w.settings, "--only", only)
		w.await(p, func(context.Context) bool { return p.Said("msg=ready") })
	}
	part("conversations")
	stops := number(1)
	for _, contact := range []sms.Number{ana, bob, stops} {
		w.text(contact, "one")
		w.pendingSend(contact)
	}
	for _, contact := range []sms.Number{ana, stops} {
		_, err := w.temporal.WorkflowService().PauseActivity(w.ctx(), &workflowservice.PauseActivityRequest{
			Namespace: w.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: conversation.ID(contact, "")},
			Activity: &workflowservice.PauseActivityRequest_Type{Type: "SendMessage"}, Reason: "test", RequestId: "pause",
		})
		require.NoError(t, err)
	}
	part("send")
	w.receives(bob, youSaid("one"))
	w.text(ana, "two")
	w.text(stops, "STOP")
	w.receives(stops, "unsubscribed")
	require.Len(t, texts(w.sim.Phone(stops).Messages()), 1, "what was paused is dropped")
	require.Equal(t, sms.StatusDropped, w.state(stops).Transcript[2].Status, "%+v", w.state(stops).Transcript)

	w.text(bob, "two")
	w.receives(bob, youSaid("two"))
	require.Empty(t, texts(w.sim.Phone(ana).Messages()))
	require.True(t, w.pendingSend(ana).GetPaused())
	_, err := w.temporal.WorkflowService().UnpauseActivity(w.ctx(), &workflowservice.UnpauseActivityRequest{
		Namespace: w.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: conversation.ID(ana, "")},
		Activity: &workflowservice.UnpauseActivityRequest_Type{Type: "SendMessage"},
	})
	require.NoError(t, err)
	w.receives(ana, youSaid("two"))
	require.Equal(t, []string{youSaid("one"), youSaid("two")}, texts(w.sim.Phone(ana).Messages()))
}

// A conversation that is paused takes everything and does nothing. When it goes
// on, a STOP that came meanwhile counts before it answers anything.
func TestConversationIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	for _, contact := range []sms.Number{ana, bob} {
		w.text(contact, "one")
		w.receives(contact, youSaid("one"))
		w.eventually("delivered", func() bool { return w.said(contact, youSaid("one")).Status == sms.StatusDelivered })
		w.pauseWorkflow(conversation.ID(contact, ""))
		w.text(contact, "two")
		require.Equal(t, 202, w.message(contact, "Your order is ready.", "order-7"))
	}
	w.start("feedback", "Feedback", feedback(ana, "the shop"))
	w.text(bob, "STOP")
	w.text(number(1), "one") // somebody else is answered
	w.receives(number(1), youSaid("one"))

	_, err := w.client().Send(w.ctx(), ana, "", "order-8", conversation.SendRequest{Text: "Your order is here."})
	require.ErrorContains(t, err, "paused")
	_, err = w.client().State(w.ctx(), ana, "")
	require.Error(t, err, "nobody can be asked")
	require.Len(t, w.sim.Sent(), 3)

	for _, contact := range []sms.Number{ana, bob} {
		w.unpauseWorkflow(conversation.ID(contact, ""))
	}
	w.receives(bob, "unsubscribed")
	require.Len(t, texts(w.sim.Phone(bob).Messages()), 2, "nothing but the confirmation")
	w.receives(ana, youSaid("two"))
	w.receives(ana, "Your order is ready.")
	w.receives(ana, "How was your visit")
	w.text(ana, "5")
	require.Equal(t, workflows.Rating{Stars: "5"}, w.rating("feedback"))
	w.receives(ana, "glad you liked it")
	require.Len(t, w.sim.Sent(), 8, "nothing twice: %q", texts(w.sim.Sent()))
}

// A script that is paused is not gone: its question stays open although another
// one waits behind it, and its answer waits for it.
func TestScriptIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	w.start("feedback-1", "Feedback", feedback(bob, "the first shop"))
	w.receives(bob, "the first shop")
	w.start("feedback-2", "Feedback", feedback(bob, "the second shop"))
	w.eventually("the second waits", func() bool { q := w.state(bob).Questions; return len(q) == 2 && !q[0].OpenSince.IsZero() })
	first := w.state(bob).Questions[0]
	w.pauseWorkflow("feedback-1")
	w.fastForward(conversation.ID(bob, ""), 10*time.Minute)
	w.eventually("it is looked after, and kept", func() bool {
		q := w.state(bob).Questions
		return len(q) == 2 && q[0].ID == first.ID && q[0].CheckedAt.After(first.CheckedAt)
	})
	w.unpauseWorkflow("feedback-1")
	w.text(bob, "4")
	require.Equal(t, workflows.Rating{Stars: "4"}, w.rating("feedback-1"))

	w.start("feedback", "Feedback", feedback(ana, "the shop"))
	w.receives(ana, "How was your visit")
	w.eventually("it is open", func() bool { q := w.state(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.pauseWorkflow("feedback")
	w.text(ana, "2")
	w.eventually("it is answered", func() bool { return len(w.state(ana).Questions) == 0 })
	w.text(ana, "hello?") // after ten seconds of silence the floor is free
	w.receives(ana, youSaid("hello?"))
	w.unpauseWorkflow("feedback")
	w.receives(ana, "What went wrong?")
	w.eventually("it is open", func() bool { q := w.state(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
	w.text(ana, "Everything")
	require.Equal(t, workflows.Rating{Stars: "2", Why: "Everything"}, w.rating("feedback"))
}
