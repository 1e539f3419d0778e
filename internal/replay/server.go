package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// A Run is one execution of a workflow.
type Run struct {
	Type       string
	WorkflowID string
	RunID      string
	Open       bool
	Pinned     string // the deployment version that alone goes on with it; empty: any
}

// A Server is where histories are.
type Server struct {
	Temporal  client.Client
	TaskQueue string // only runs of this queue are ours to go on with
	Query     string // only these; empty: all
}

// isOpen finds runs that are paused, too, and is understood by servers that know
// no pause.
const isOpen = "CloseTime IS NULL"

// Of lists runs of a type: the newest first, at most limit of them; 0 is all.
func (s Server) Of(ctx context.Context, workflowType string, open bool, limit int) ([]Run, error) {
	status := isOpen
	if !open {
		status = "ExecutionStatus IN ('Completed', 'Failed', 'Canceled', 'ContinuedAsNew')"
	}
	return s.list(ctx, limit, fmt.Sprintf("WorkflowType = %s", quote(workflowType)), status, s.onQueue(), s.Query)
}

// Strangers lists open runs on our queue of types other than these.
func (s Server) Strangers(ctx context.Context, types []string) ([]Run, error) {
	terms := []string{isOpen, s.onQueue(), s.Query}
	for _, t := range types {
		terms = append(terms, "WorkflowType != "+quote(t))
	}
	return s.list(ctx, 0, terms...)
}

// Named lists all runs of one workflow id, on whichever queue.
func (s Server) Named(ctx context.Context, workflowID string) ([]Run, error) {
	return s.list(ctx, 0, "WorkflowId = "+quote(workflowID), s.Query)
}

// Elsewhere counts open runs of a type on other queues.
func (s Server) Elsewhere(ctx context.Context, workflowType string) (int64, error) {
	terms := conjunction(fmt.Sprintf("WorkflowType = %s", quote(workflowType)), isOpen, "TaskQueue != "+quote(s.TaskQueue))
	answer, err := s.Temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: terms})
	if err != nil {
		return 0, fmt.Errorf("counting %s on other task queues: %w", workflowType, err)
	}
	return answer.GetCount(), nil
}

func (s Server) onQueue() string { return "TaskQueue = " + quote(s.TaskQueue) }

func (s Server) list(ctx context.Context, limit int, terms ...string) ([]Run, error) {
	var runs []Run
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: conjunction(terms...)}
	for {
		page, err := s.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("listing runs where %s: %w", request.GetQuery(), err)
		}
		for _, info := range page.GetExecutions() {
			if limit > 0 && len(runs) == limit {
				return runs, nil
			}
			runs = append(runs, runOf(info))
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return runs, nil
		}
	}
}

func runOf(info *workflowpb.WorkflowExecutionInfo) Run {
	r := Run{
		Type: info.GetType().GetName(), WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(),
		Open: info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED,
	}
	versioning := info.GetVersioningInfo()
	version := versioning.GetDeploymentVersion()
	if override := versioning.GetVersioningOverride(); override.GetPinned() != nil {
		version = override.GetPinned().GetVersion()
	} else if versioning.GetBehavior() != enumspb.VERSIONING_BEHAVIOR_PINNED {
		return r
	}
	r.Pinned = version.GetDeploymentName() + "." + version.GetBuildId()
	return r
}

// ErrGone is returned for a run that was deleted since it was listed.
var ErrGone = errors.New("it is gone")

// History reads a run's whole history.
func (s Server) History(ctx context.Context, r Run) (*historypb.History, error) {
	history := &historypb.History{}
	events := s.Temporal.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		var missing *serviceerror.NotFound
		switch {
		case errors.As(err, &missing):
			return nil, ErrGone
		case err != nil:
			return nil, fmt.Errorf("reading the history of run %s: %w", r.RunID, err)
		}
		history.Events = append(history.Events, e)
	}
	if len(history.GetEvents()) > 0 {
		if started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes(); started != nil && started.GetWorkflowId() == "" {
			started.WorkflowId = r.WorkflowID // servers before 1.24 leave it out
		}
	}
	return history, nil
}

func conjunction(terms ...string) string {
	var some []string
	for _, t := range terms {
		if t != "" {
			some = append(some, "("+t+")")
		}
	}
	return strings.Join(some, " AND ")
}

// quote writes a value in a query. The query's language knows no escapes that all
// databases agree on, and no id of ours needs one.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
