package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

// problems is the server's own search attribute of workflows whose tasks have
// failed several times in a row.
const problems = "TemporalReportedProblems"

// ErrUnreported is returned where the server does not report such workflows.
var ErrUnreported = errors.New("this server does not report workflows whose tasks fail")

// EachStuck goes through the open workflows whose tasks fail again and again: of
// these types, or of all types if the list is empty. It passes the kind of the error in one word.
func (d Desk) EachStuck(ctx context.Context, types []string, limit int, visit func(info *workflowpb.WorkflowExecutionInfo, wrong string)) error {
	err := d.EachWorkflow(ctx, "ExecutionStatus = 'Running' AND "+problems+" IS NOT NULL"+ofTypes(types), limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		visit(info, wrongWith(info))
		return true, nil
	})
	if _, unknown := errors.AsType[*serviceerror.InvalidArgument](err); unknown {
		return ErrUnreported
	}
	return err
}

// EachCutOff goes through the workflows of these types that ended without a result
// since some time: failed, terminated, out of time.
func (d Desk) EachCutOff(ctx context.Context, types []string, since time.Time, limit int, visit func(*workflowpb.WorkflowExecutionInfo)) error {
	query := fmt.Sprintf("ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut') AND CloseTime > '%s'%s", since.UTC().Format(time.RFC3339), ofTypes(types))
	return d.EachWorkflow(ctx, query, limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		visit(info)
		return true, nil
	})
}

func ofTypes(types []string) string {
	if len(types) == 0 {
		return ""
	}
	quoted := make([]string, len(types))
	for i, name := range types {
		quoted[i] = "'" + strings.ReplaceAll(name, "'", "''") + "'"
	}
	return " AND WorkflowType IN (" + strings.Join(quoted, ", ") + ")"
}

// IsStuck reports whether the server says so of a workflow.
func IsStuck(info *workflowpb.WorkflowExecutionInfo) bool {
	return len(reported(info)) > 0
}

func reported(info *workflowpb.WorkflowExecutionInfo) (words []string) {
	decoded(info.GetSearchAttributes().GetIndexedFields()[problems], &words)
	return words
}

// wrongWith is the cause that the server names: NonDeterministicError.
func wrongWith(info *workflowpb.WorkflowExecutionInfo) string {
	for _, word := range reported(info) {
		if cause, ok := strings.CutPrefix(word, "cause="); ok {
			return strings.TrimPrefix(cause, "WorkflowTaskFailedCause")
		}
	}
	return "its tasks fail"
}

// Meant is whom a script's input names, in the fields that all scripts have for it;
// nobody if it names none.
func (d Desk) Meant(ctx context.Context, run *commonpb.WorkflowExecution) (contact sms.Number, sender sms.Sender, err error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	page, err := d.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: d.Namespace, Execution: run, MaximumPageSize: 1,
	})
	if err != nil {
		return "", "", d.Explain("reading what a script was started with", err)
	}
	for _, e := range page.GetHistory().GetEvents() {
		input := e.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()
		if len(input) == 0 {
			continue
		}
		var in struct {
			Contact sms.Number `json:"contact"`
			Sender  sms.Sender `json:"sender"`
		}
		if err := d.Converter.FromPayload(input[0], &in); err != nil {
			if unreadable, ok := errors.AsType[Unreadable](err); ok {
				return "", "", unreadable
			}
			return "", "", nil // an input of another shape
		}
		return in.Contact, numbers.ParseSender(string(in.Sender)), nil
	}
	return "", "", nil
}

// Failing is why workers fail at a run again and again; empty if they do not, or if
// nobody knows.
func (d Desk) Failing(ctx context.Context, run *commonpb.WorkflowExecution) string {
	return d.failing(ctx, View{WorkflowID: run.GetWorkflowId(), RunID: run.GetRunId()})
}

// Failed is with which type of error a run failed, and its words. It is no failure
// if the script only returned how its question ended.
func (d Desk) Failed(ctx context.Context, run *commonpb.WorkflowExecution) (kind, words string, failed bool) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	page, err := d.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: d.Namespace, Execution: run, HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
	})
	if err != nil {
		return "error", "", true
	}
	failure := closing(page.GetHistory().GetEvents()).GetWorkflowExecutionFailedEventAttributes().GetFailure()
	kind = "error"
	for f := failure; f != nil; f = f.GetCause() {
		if typeOf(f) == endingType {
			return "", "", false
		}
		if name := typeOf(f); name != "" && name != "wrapError" { // fmt's own, which tells nothing
			kind = name
		}
	}
	if failure != nil {
		words = ownWords(d.Failures.FailureToError(failure))
	}
	return kind, words, true
}

// endingType is what a *conversation.Ending is, as the SDK writes it.
const endingType = "Ending"

func typeOf(f *failurepb.Failure) string { return f.GetApplicationFailureInfo().GetType() }

func closing(events []*historypb.HistoryEvent) *historypb.HistoryEvent {
	if len(events) == 0 {
		return nil
	}
	return events[len(events)-1]
}

// An Affected conversation has scripts that are in trouble.
type Affected struct {
	Row
	Scripts []wire.ScriptInTrouble
}

// EachAffected goes through conversations that need a person because of scripts, the newest
// of all that need one.
func (d Desk) EachAffected(ctx context.Context, limit int, visit func(Affected)) error {
	return d.EachConversation(ctx, "ExecutionStatus = 'Running' AND "+wire.AttentionAttribute.GetName()+" = true", limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if a := d.AffectedBy(info); len(a.Scripts) > 0 {
			visit(a)
		}
		return true, nil
	})
}

// AffectedBy reads from a conversation's memo which of its scripts are in trouble.
func (d Desk) AffectedBy(info *workflowpb.WorkflowExecutionInfo) Affected {
	row, ours := d.Row(info)
	memo := info.GetMemo().GetFields()[wire.AttentionMemo]
	if !ours || memo == nil {
		return Affected{}
	}
	var attention wire.Attention
	_ = d.Converter.FromPayload(memo, &attention) // the row says it if that cannot be read
	return Affected{Row: row, Scripts: attention.Scripts}
}

// Stands is how a script is that was in trouble.
type Stands string

// What it may be.
const (
	Troubled Stands = "troubled" // still, or nobody knows
	GoesOn   Stands = "goes on"  // its tasks and activities are done
	Ended    Stands = "ended"    // well, or somebody called it off
)

// StandingOf looks whether a script goes on, or has ended as it should, in whichever run of its id is the latest.
func (d Desk) StandingOf(ctx context.Context, workflowID string) (Stands, *workflowpb.WorkflowExecutionInfo) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	described, err := Describe(ctx, d.Temporal, workflowID, "")
	if err != nil {
		return Troubled, nil
	}
	info := described.GetWorkflowExecutionInfo()
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return Ended, info
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
	default:
		return Troubled, info
	}
	if IsStuck(info) || described.GetPendingWorkflowTask().GetAttempt() > 1 {
		return Troubled, info
	}
	for _, pending := range described.GetPendingActivities() {
		if typeOf(pending.GetLastFailure()) == wire.ErrTypeUnregistered {
			return Troubled, info
		}
	}
	return GoesOn, info
}
