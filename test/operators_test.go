package test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"parley/conversation/wire"
	"parley/test/e2e"
	"parley/workflows"
)

// firstTask is the event to reset to: the end of the first workflow task.
func (w *world) firstTask(id string) int64 {
	w.T.Helper()
	var first int64
	w.Eventually("a workflow task completed", func() bool {
		for _, event := range w.history(id, "").GetEvents() {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
				first = event.GetEventId()
				return true
			}
		}
		return false
	})
	return first
}

func (w *world) reset(id string) {
	w.T.Helper()
	_, err := w.Temporal.ResetWorkflowExecution(w.Ctx(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: w.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, Reason: "test",
		WorkflowTaskFinishEventId: w.firstTask(id), RequestId: id,
	})
	require.NoError(w.T, err)
}

// fastForward lets a workflow's clock run ahead of everybody else's.
func (w *world) fastForward(id string, d time.Duration) {
	w.T.Helper()
	_, err := w.Temporal.WorkflowService().UpdateWorkflowExecutionOptions(w.Ctx(), &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: w.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{
			Enabled: true, FastForwardConfig: &commonpb.FastForwardConfig{Id: id, Duration: durationpb.New(d)},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"time_skipping_config"}},
	})
	require.NoError(w.T, err)
}

// A script that is reset while its question is open asks the same question
// again, which the conversation knows: the contact is not asked twice.
func TestScriptIsReset(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	w.reset("feedback")
	w.Text(ana, "3")
	w.Receives(ana, "What went wrong?")
	w.reset("feedback") // before its first answer: that is repeated from memory
	w.Text(ana, "Everything")
	w.Receives(ana, "We will do better")
	var result workflows.Rating
	require.NoError(t, w.Temporal.GetWorkflow(w.Ctx(), "feedback", "").Get(w.Ctx(), &result))
	require.Equal(t, workflows.Rating{Stars: "3", Why: "Everything"}, result)
	require.Len(t, w.Sim.Sent(), 3, "nothing twice")
}

// A conversation that is reset lives through its events again and looks before
// each text whether the carrier has it already.
func TestConversationIsReset(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Text(ana, "one")
	w.Receives(ana, youSaid("one"))
	w.Text(ana, "two")
	w.Receives(ana, youSaid("two"))
	w.reset(wire.ID(ana, ""))
	w.Text(ana, "three")
	w.Receives(ana, youSaid("three"))
	require.Len(t, w.Sim.Sent(), 3, "nothing twice")
}

// The same after minutes: it looks as far back as the run that is relived.
func TestConversationIsResetLater(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for more than the minute that clocks may differ")
	}
	t.Parallel()

	w := newWorld(t)
	w.Text(ana, "one")
	w.Receives(ana, youSaid("one"))
	time.Sleep(65 * time.Second)
	w.reset(wire.ID(ana, ""))
	w.Text(ana, "two")
	w.Receives(ana, youSaid("two"))
	require.Len(t, w.Sim.Sent(), 2, "nothing twice")
}

// An answer to a script that was terminated is not swallowed by a new run of
// the same id, which asks something later, or nothing.
func TestScriptIsTerminatedAndStartedAnew(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	const id = "appointment:A-17"
	w.Start(id, "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), id, "", "test"))
	w.Start(id, "AppointmentConfirmation", strings.Replace(appointment(ana), `"24h"`, `"1h"`, 1)) // it sleeps for hours
	w.Text(ana, "yes")
	w.Receives(ana, youSaid("yes"))
}

// A conversation that is terminated comes back with the next text, and the
// script that waits for it asks again, in time, under the same id.
func TestConversationIsTerminatedUnderAWaitingScript(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"))
	run := w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), wire.ID(ana, ""), "", "test"))
	w.Text(ana, "hello?")
	w.Receives(ana, youSaid("hello?"))

	// The script looks after its question an hour after that should have ended.
	w.fastForward("feedback", 26*time.Hour)
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) == 3 }))
	w.Text(ana, "5")
	w.Receives(ana, "glad you liked it")
	var result workflows.Rating
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, "5", result.Stars)
}
