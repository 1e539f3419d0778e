package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"parley/conversation/wire"
)

// A View is a conversation as a person sees it.
type View struct {
	WorkflowID   string        `json:"workflow_id"`
	RunID        string        `json:"run_id"`
	Link         string        `json:"link,omitempty"`  // in Temporal's UI; the caller fills it in
	Status       string        `json:"status"`          // of the workflow: running, completed, …; or archived
	State        string        `json:"state,omitempty"` // open, asking or optedout, as for a Row; empty if archived
	Closed       *time.Time    `json:"closed,omitempty"`
	Message      *wire.Message `json:"message,omitempty"` // if one was asked for
	Conversation wire.State    `json:"conversation"`
}

// ErrNoWorker is returned when a conversation cannot be asked.
var ErrNoWorker = errors.New("a running conversation answers only while a worker runs")

// Read reads a conversation's run: what it says, or what it said last.
func (d Desk) Read(ctx context.Context, id, runID string) (View, error) {
	info, err := d.Describe(ctx, id, runID)
	if err != nil {
		return View{}, err
	}
	if name := info.GetType().GetName(); name != wire.WorkflowType {
		return View{}, fmt.Errorf("%s is no conversation, but a workflow of type %s", id, name)
	}
	v := View{WorkflowID: id, RunID: info.GetExecution().GetRunId(), Status: statusWords[info.GetStatus()]}
	if info.GetCloseTime() != nil {
		closed := info.GetCloseTime().AsTime()
		v.Closed = &closed
	}
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		err = d.lastWords(ctx, v, &v.Conversation)
	} else {
		err = d.ask(ctx, v, info.GetTaskQueue(), &v.Conversation)
	}
	if err != nil {
		return View{}, err
	}
	v.State = cmp.Or(v.Conversation.Shown.State, wire.StateOpen)
	return v, nil
}

// lastWords is the state a conversation left as its result, which is there also
// when no worker runs.
func (d Desk) lastWords(ctx context.Context, v View, state *wire.State) error {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Explain("reading "+v.WorkflowID, d.Temporal.GetWorkflow(ctx, v.WorkflowID, v.RunID).Get(ctx, state))
}

func (d Desk) ask(ctx context.Context, v View, taskQueue string, state *wire.State) error {
	asking, cancel := d.WithPatience(ctx)
	defer cancel()
	value, err := d.Temporal.QueryWorkflow(asking, v.WorkflowID, v.RunID, wire.StateQuery)
	var (
		noPoller *serviceerror.FailedPrecondition
		failing  *serviceerror.WorkflowNotReady // its task has failed three times
	)
	if err != nil && ctx.Err() == nil && (asking.Err() != nil || IsTimeout(err) || errors.As(err, &noPoller) || errors.As(err, &failing)) {
		if why := d.failing(ctx, v); why != "" {
			return fmt.Errorf("%w; one does, and fails at it: %s", ErrNoWorker, why)
		}
		return fmt.Errorf("%w; %s", ErrNoWorker, d.MissingWorker(ctx, taskQueue))
	}
	if err != nil {
		return d.Explain("asking "+v.WorkflowID, err)
	}
	if err := value.Get(state); err != nil {
		if unreadable, ok := errors.AsType[Unreadable](err); ok {
			return fmt.Errorf("reading %s: %w", v.WorkflowID, unreadable)
		}
		return fmt.Errorf("%s gave an answer that this build does not understand: use the build that its worker is of", v.WorkflowID)
	}
	return nil
}

const latestEvents = 50 // of a run: some turns

// failing is why workers fail at a run again and again; empty if they do not, or
// if nobody knows.
func (d Desk) failing(ctx context.Context, v View) string {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	described, err := Describe(ctx, d.Temporal, v.WorkflowID, v.RunID)
	if err != nil || described.GetPendingWorkflowTask().GetAttempt() < 2 {
		return ""
	}
	page, err := d.Temporal.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: d.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: v.WorkflowID, RunId: v.RunID}, MaximumPageSize: latestEvents,
	})
	if err != nil {
		return ""
	}
	for _, event := range page.GetHistory().GetEvents() {
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return ownWords(d.Failures.FailureToError(failed.GetFailure()))
		}
	}
	return ""
}

// ownWords are an error's, without the type that Temporal adds to them.
func ownWords(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}

// MissingWorker says what is known about the worker that did not answer.
func (d Desk) MissingWorker(ctx context.Context, taskQueue string) string {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	described, err := d.Temporal.DescribeTaskQueue(ctx, taskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return fmt.Sprintf("no worker of task queue %q answers", taskQueue)
	}
	var heard time.Time
	for _, poller := range described.GetPollers() {
		if at := poller.GetLastAccessTime().AsTime(); at.After(heard) {
			heard = at
		}
	}
	if heard.IsZero() {
		return fmt.Sprintf("no worker is running on task queue %q: start one, or set TEMPORAL_TASK_QUEUE to the queue of yours", taskQueue)
	}
	return fmt.Sprintf("no worker of task queue %q answers: the last one was heard of %s ago", taskQueue, time.Since(heard).Round(time.Second))
}

// statusWords are how a workflow stands, for people and for --json.
var statusWords = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:          "running",
	enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:        "completed",
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:           "failed",
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:         "cancelled",
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:       "terminated",
	enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: "continued",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        "timed out",
	enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:           "paused",
}
