package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
	"parley/internal/wording"
)

// examineRules counts the open runs that follow older rules than the newest ones. A
// conversation notes its rules at the beginning of each run, and a script is pinned
// to its build. Neither is asked.
func (e *examination) examineRules(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	const check = "older rules"
	conversations, newest, err := e.olderConversations(ctx)
	if err != nil {
		return []Finding{warned(check, "ask again, with a longer --timeout", "%v", e.server.Explain("reading which rules conversations follow", err))}
	}
	scripts, err := e.olderScripts(ctx)
	if err != nil {
		return []Finding{warned(check, "look at the server's visibility store", "%v", e.server.Explain("counting scripts of other builds", err))}
	}
	found := "no conversation tells its rules"
	if newest > 0 {
		found = fmt.Sprintf("%s below version %d, the newest in use", wording.Counted(int(conversations), "conversation"), newest)
	}
	if e.current != "" {
		found += fmt.Sprintf("; %s pinned to other builds than %s", wording.Counted(int(scripts), "script"), e.current)
	}
	return []Finding{fine(check, "%s", found)}
}

// olderScripts counts those that are pinned to another build than the current one.
// Without versioning there are none: scripts guard their own changes.
func (e *examination) olderScripts(ctx context.Context) (int64, error) {
	if e.current == "" {
		return 0, nil
	}
	return e.count(ctx, fmt.Sprintf("ExecutionStatus = 'Running' AND TaskQueue = '%s' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND TemporalWorkerDeploymentVersion != '%s'",
		e.temporal.TaskQueue, e.current))
}

const (
	firstStep   = 10 * time.Minute      // back from the run that began last
	near        = 10 * time.Millisecond // too few runs begin in it to skip any
	firstEvents = 50                    // of a run: it notes its rules in its first task
)

// olderConversations counts the runs that began before the first one that follows
// the newest rules. It looks for that one as in a sorted list, since rules get
// newer with time: some thirty runs tell about all. A run that was reset keeps its
// rules and begins late, so it may be missing.
func (e *examination) olderConversations(ctx context.Context) (older int64, newest int, err error) {
	last, err := e.beganBefore(ctx, time.Now().Add(time.Hour)) // the server's clock may be ahead
	if err != nil || last == nil {
		return 0, 0, err
	}
	young, old := last.began, time.Time{} // the newest rules are known at young, and not before old
	for step := firstStep; old.IsZero() || young.Sub(old) > 0; step *= 2 {
		before := young // in the end one by one
		switch {
		case old.IsZero():
			before = young.Add(-step)
		case young.Sub(old) > near:
			before = old.Add(young.Sub(old) / 2)
		}
		run, err := e.beganBefore(ctx, before)
		switch {
		case err != nil:
			return 0, 0, err
		case run == nil || run.rules < last.rules:
			old = before
		default:
			young = run.began
		}
	}
	older, err = e.count(ctx, fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND StartTime < '%s'", wire.WorkflowType, young.Format(time.RFC3339Nano)))
	return older, last.rules, err
}

// A run is an open one of a conversation.
type run struct {
	began time.Time
	rules int
}

// beganBefore is the last run to begin before some time, of those that have begun
// to work; nil if there is none.
func (e *examination) beganBefore(ctx context.Context, before time.Time) (*run, error) {
	var last *run
	query := fmt.Sprintf("ExecutionStatus = 'Running' AND StartTime < '%s'", before.Format(time.RFC3339Nano))
	err := e.server.EachConversation(ctx, query, e.Sample, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		rules, err := e.rulesOf(ctx, info.GetExecution())
		if err != nil || rules == 0 {
			return err == nil, err
		}
		last = &run{info.GetStartTime().AsTime(), rules}
		return false, nil
	})
	return last, err
}

// rulesOf are those that a run began with; 0 if it has not, or if they cannot be read.
func (e *examination) rulesOf(ctx context.Context, run *commonpb.WorkflowExecution) (int, error) {
	page, err := e.server.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: e.server.Namespace, Execution: run, MaximumPageSize: firstEvents,
	})
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, event := range page.GetHistory().GetEvents() {
		var settings wire.Settings
		data := event.GetMarkerRecordedEventAttributes().GetDetails()["data"]
		if data != nil && e.server.Converter.FromPayloads(data, &settings) == nil && settings.Version > 0 {
			return settings.Version, nil
		}
	}
	return 0, nil
}
