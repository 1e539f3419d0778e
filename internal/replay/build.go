package replay

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// A Build is a worker that takes no work.
type Build struct {
	Options  worker.WorkflowReplayerOptions // as the worker's own, where those matter
	Register func(worker.Registry)          // as the worker registers
}

// takes is how long one history may take. Code that does not come to an end would
// otherwise hold up all others.
const takes = 2 * time.Minute

var errEndless = fmt.Errorf("this build does not come to an end with it within %s", takes)

// Replay runs a history through this build. It returns nil if the build would do
// the same, as far as the history goes.
func (b Build) Replay(workflowID, runID string, h *historypb.History) *Break {
	tasks := tasksOf(h.GetEvents())
	if len(tasks) == 0 {
		return nil // nothing has been done yet
	}
	if err := b.try(workflowID, runID, tasks[len(tasks)-1]); err != nil {
		return b.explain(workflowID, runID, tasks, err)
	}
	return nil
}

// try replays until a task is done. Its error is a *Break, or the SDK's.
func (b Build) try(workflowID, runID string, t task) error {
	options := b.Options
	options.DisableDeadlockDetection = true // a busy machine is no deadlock
	seen := &watcher{}
	options.Interceptors = append(slices.Clone(options.Interceptors), seen)
	replayer, err := worker.NewWorkflowReplayerWithOptions(options)
	if err != nil {
		return fmt.Errorf("preparing to replay: %w", err)
	}
	b.Register(workflowsOnly{WorkflowReplayer: replayer})
	finished := make(chan error, 1)
	go func() {
		finished <- replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
			&historypb.History{Events: t.until}, worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflowID, RunID: runID}})
	}()
	select {
	case err = <-finished:
	case <-time.After(takes):
		return errEndless
	}
	if err != nil {
		return err
	}
	ended, calls := seen.result()
	if b := t.ending(ended); b != nil {
		return b
	}
	if b := t.unanswered(calls); b != nil {
		return b
	}
	return nil
}

// ending compares how the workflow ended with how the history does. The replayer
// looks at some endings only.
func (t task) ending(is *end) *Break {
	last := t.until[len(t.until)-1]
	var canceled *temporal.CanceledError
	var continued *workflow.ContinueAsNewError
	switch last.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return nil // the replayer has compared
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		if is != nil && is.err != nil && !errors.As(is.err, &canceled) && !errors.As(is.err, &continued) {
			return nil
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		if is != nil && errors.As(is.err, &canceled) {
			return nil
		}
	default:
		if is == nil {
			return nil
		}
	}
	return &Break{Event: last.GetEventId(), What: fmt.Sprintf("the history %s there; this build would have %s by then", endedAs(last), is.words())}
}

// unanswered finds a local activity that this build calls and the history has no
// result of. The replayer waits for one in vain, and is content: a worker would
// call it, with the results of all others given to the wrong calls.
func (t task) unanswered(calls []string) *Break {
	if t.goesOn || Closes(t.until[len(t.until)-1]) {
		return nil
	}
	results := 0
	for _, e := range t.until {
		if e.GetMarkerRecordedEventAttributes().GetMarkerName() == "LocalActivity" {
			results++
		}
	}
	if len(calls) <= results {
		return nil
	}
	return &Break{
		Event: t.completed,
		What:  fmt.Sprintf("the history has the results of %d calls of local activities until there, this build would make %d, the last of %s", results, len(calls), calls[len(calls)-1]),
	}
}

// Closes reports whether nothing follows an event.
func Closes(e *historypb.HistoryEvent) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return true
	default:
		return false
	}
}

func endedAs(last *historypb.HistoryEvent) string {
	switch last.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "fails"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "ends as cancelled"
	default:
		return "goes on"
	}
}

// end is how a workflow returned.
type end struct{ err error }

func (e *end) words() string {
	var canceled *temporal.CanceledError
	var continued *workflow.ContinueAsNewError
	switch {
	case e == nil:
		return "gone on"
	case e.err == nil:
		return "completed"
	case errors.As(e.err, &canceled):
		return "ended as cancelled"
	case errors.As(e.err, &continued):
		return "continued as new"
	default:
		return "failed"
	}
}

// A watcher sees what a workflow does that the replayer does not look at.
type watcher struct {
	interceptor.WorkerInterceptorBase

	mutex sync.Mutex
	ended *end
	calls []string // of local activities
}

func (w *watcher) result() (ended *end, calls []string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.ended, slices.Clone(w.calls)
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &watched{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, by: w}
}

type watched struct {
	interceptor.WorkflowInboundInterceptorBase
	by *watcher
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (w *watched) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&calling{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, by: w.by})
}

type calling struct {
	interceptor.WorkflowOutboundInterceptorBase
	by *watcher
}

// ExecuteLocalActivity implements interceptor.WorkflowOutboundInterceptor.
func (c *calling) ExecuteLocalActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	c.by.mutex.Lock()
	c.by.calls = append(c.by.calls, activityType)
	c.by.mutex.Unlock()
	return c.Next.ExecuteLocalActivity(ctx, activityType, args...)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (w *watched) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := w.Next.ExecuteWorkflow(ctx, in)
	w.by.mutex.Lock()
	defer w.by.mutex.Unlock()
	w.by.ended = &end{err: err}
	return result, err
}

// workflowsOnly registers workflows: a replay runs no activity.
type workflowsOnly struct {
	worker.WorkflowReplayer
	worker.NexusServiceRegistry // nil: no service is registered
}

func (workflowsOnly) RegisterActivity(any)                                         {}
func (workflowsOnly) RegisterActivityWithOptions(any, activity.RegisterOptions)    {}
func (workflowsOnly) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}
