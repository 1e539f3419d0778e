package engine

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
)

// A Responder decides what to do about texts that no script waits for. It is called
// in the workflow.
type Responder interface {
	// StartTurn begins to work on a turn.
	StartTurn(ctx workflow.Context, turn activities.Turn) workflow.Future
	// Result reads what that future landed with: a decision, or the workflow that
	// works on the turn. That may take minutes, and says its decision by an event of
	// the kind decide.
	Result(ctx workflow.Context, f workflow.Future) (wire.Decision, *wire.ScriptRef, error)
}

// ByActivity asks the activity HandleInboundMessage, which has a minute.
type ByActivity struct{}

// StartTurn implements Responder. A failure is not retried by the server: the next try
// is another turn if texts joined.
func (ByActivity) StartTurn(ctx workflow.Context, turn activities.Turn) workflow.Future {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: activities.ResponderTimeout + 5*time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             "what to answer?",
	})
	return workflow.ExecuteActivity(ctx, activities.HandleInboundMessageType, turn)
}

// Result implements Responder.
func (ByActivity) Result(ctx workflow.Context, f workflow.Future) (decision wire.Decision, _ *wire.ScriptRef, err error) {
	err = f.Get(ctx, &decision)
	return decision, nil, err
}

// ByWorkflow has a workflow of this type work on each turn. Its input is the turn.
// The conversation is its parent, which it signals.
type ByWorkflow struct {
	Type      string
	TaskQueue string // empty: the conversation's own
}

// StartTurn implements Responder. The workflow goes on when the conversation
// continues as new.
func (w ByWorkflow) StartTurn(ctx workflow.Context, turn activities.Turn) workflow.Future {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: "turn:" + turn.ID, TaskQueue: w.TaskQueue, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, StaticSummary: "what to answer?",
	})
	return workflow.ExecuteChildWorkflow(ctx, w.Type, turn).GetChildWorkflowExecution()
}

// Result implements Responder.
func (w ByWorkflow) Result(ctx workflow.Context, f workflow.Future) (wire.Decision, *wire.ScriptRef, error) {
	var run workflow.Execution
	err := f.Get(ctx, &run)
	return wire.Decision{}, &wire.ScriptRef{Type: w.Type, WorkflowID: run.ID, RunID: run.RunID, FirstRunID: run.RunID}, err
}
