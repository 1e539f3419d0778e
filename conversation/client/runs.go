package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"parley/conversation/wire"
)

// ErrGone is returned for a conversation of which Temporal has nothing left.
var ErrGone = errors.New("nothing is left of that conversation in Temporal")

// LastRun finds the last run of a message's conversation, whose first one its
// key begins with. Visibility knows that one as long as the namespace's retention
// is. A conversation that lives longer is one of the newest, or the archive says
// which.
func (d Desk) LastRun(ctx context.Context, key, firstRun string, search int) (*workflowpb.WorkflowExecutionInfo, error) {
	var id string
	err := d.EachConversation(ctx, fmt.Sprintf("RunId = '%s'", firstRun), 1, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		id = info.GetExecution().GetWorkflowId()
		return false, nil
	})
	if err != nil {
		return nil, d.Explain("looking for the conversation", err)
	}
	if id == "" {
		r, _, _ := d.Archived(ctx, key) // where nothing else helps, its error is said
		id = r.Conversation
	}
	if id != "" {
		if info, err := d.movedTo(ctx, id, firstRun); info != nil || err != nil {
			return info, err
		}
		if info, err := d.follow(ctx, id, firstRun); !errors.Is(err, ErrGone) {
			return info, err
		}
	}
	return d.searchRun(ctx, firstRun, search)
}

// movedTo finds the conversation that goes on under an id without a number. What it
// was before counts as its first run, and its messages have keys of that one.
func (d Desk) movedTo(ctx context.Context, id, firstRun string) (*workflowpb.WorkflowExecutionInfo, error) {
	if !d.IDs.Keyed() {
		return nil, nil
	}
	if contact, sender, err := wire.ParseID(id); err == nil {
		id = d.IDs.Of(contact, sender)
	}
	info, err := d.Describe(ctx, id, "")
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil || info.GetFirstRunId() == firstRun {
		return info, err
	}
	var first string
	err = d.EachBefore(ctx, id, info.GetExecution().GetRunId(), func(b Before) bool {
		if b.State != nil {
			first = b.State.FirstRunID
		}
		return false
	})
	if err != nil || first != firstRun {
		return nil, err
	}
	return info, nil
}

// searchRun looks through the newest conversations for one that began with a run.
func (d Desk) searchRun(ctx context.Context, firstRun string, limit int) (*workflowpb.WorkflowExecutionInfo, error) {
	var last *workflowpb.WorkflowExecutionInfo
	err := d.EachConversation(ctx, "ExecutionStatus != 'ContinuedAsNew'", limit, func(listed *workflowpb.WorkflowExecutionInfo) (bool, error) {
		info, err := d.Describe(ctx, listed.GetExecution().GetWorkflowId(), listed.GetExecution().GetRunId())
		switch {
		case errors.Is(err, ErrNotFound):
			return true, nil // its time is over since it was listed
		case err != nil:
			return false, err
		case info.GetFirstRunId() == firstRun:
			last = info
		}
		return last == nil, nil
	})
	switch {
	case err != nil:
		return nil, d.Explain("looking through the conversations", err)
	case last == nil:
		return nil, ErrGone
	}
	return last, nil
}

// follow finds the last run that grew out of a first one. The workflow id may
// have been used again since, by a later conversation.
func (d Desk) follow(ctx context.Context, id, firstRun string) (*workflowpb.WorkflowExecutionInfo, error) {
	info, err := d.Describe(ctx, id, "")
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrGone
	case err != nil:
		return nil, err
	case info.GetFirstRunId() == firstRun:
		return info, nil
	}
	following, cancel := d.WithPatience(ctx)
	defer cancel()
	run := d.Temporal.GetWorkflow(following, id, firstRun)
	err = run.Get(following, nil)
	var execution *temporal.WorkflowExecutionError
	switch {
	case IsNotFound(err):
		return nil, ErrGone
	case err != nil && !errors.As(err, &execution):
		return nil, d.Explain("following "+id, err)
	}
	info, err = d.Describe(ctx, id, run.GetRunID())
	if errors.Is(err, ErrNotFound) {
		return nil, ErrGone
	}
	return info, err
}

// Before is what a conversation knew when one of its runs began: the last words
// of the run before, which its history holds.
type Before struct {
	Run   string      // the one that began
	At    time.Time   // when it did
	State *wire.State // nil: it is the first one
}

// EachBefore goes back through the runs of a conversation, the newest first,
// until visit has seen enough or what came before is gone.
func (d Desk) EachBefore(ctx context.Context, id, lastRun string, visit func(Before) (more bool)) error {
	for run := lastRun; run != ""; {
		started, at, err := d.Started(ctx, id, run)
		switch {
		case IsNotFound(err):
			return nil
		case err != nil:
			return d.Explain("reading the history of "+id, err)
		}
		var start wire.Start
		if err := d.Converter.FromPayloads(started.GetInput(), &start); err != nil {
			if unreadable, ok := errors.AsType[Unreadable](err); ok {
				return fmt.Errorf("reading %s: %w", id, unreadable)
			}
			return fmt.Errorf("%s began with something that this build does not understand: use the build that its worker is of", id)
		}
		if !visit(Before{Run: run, At: at, State: start.State}) {
			return nil
		}
		run = started.GetContinuedExecutionRunId()
	}
	return nil
}
