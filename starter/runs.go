package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
)

// errGone is returned for a conversation of which Temporal has nothing left.
var errGone = errors.New("nothing is left of that conversation in Temporal")

// lastRunOf finds the last run of a message's conversation, whose first one its
// key begins with. Visibility knows that one as long as the namespace's retention
// is. A conversation that lives longer is one of the newest, or the archive says
// which.
func (s *server) lastRunOf(ctx context.Context, key, firstRun string, flags archiveFlags, search int) (*workflowpb.WorkflowExecutionInfo, error) {
	var id string
	err := s.conversations.EachConversation(ctx, fmt.Sprintf("RunId = '%s'", firstRun), 1, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		id = info.GetExecution().GetWorkflowId()
		return false, nil
	})
	if err != nil {
		return nil, s.explain("looking for the conversation", err)
	}
	if id == "" {
		r, _ := s.archived(ctx, flags, key) // where nothing else helps, its error is said
		id = r.Conversation
	}
	if id != "" {
		if info, err := s.movedTo(ctx, id, firstRun); info != nil || err != nil {
			return info, err
		}
		if info, err := s.follow(ctx, id, firstRun); !errors.Is(err, errGone) {
			return info, err
		}
	}
	return s.searchRun(ctx, firstRun, search)
}

// movedTo finds the conversation that goes on under an id without a number. What it
// was before counts as its first run, and its messages have keys of that one.
func (s *server) movedTo(ctx context.Context, id, firstRun string) (*workflowpb.WorkflowExecutionInfo, error) {
	if !s.conversations.IDs.Keyed() {
		return nil, nil
	}
	if contact, sender, err := wire.ParseID(id); err == nil {
		id = s.id(contact, sender)
	}
	info, err := s.conversations.Describe(ctx, id, "")
	if errors.Is(err, conversations.ErrNotFound) {
		return nil, nil
	}
	if err != nil || info.GetFirstRunId() == firstRun {
		return info, err
	}
	var first string
	err = s.eachBefore(ctx, id, info.GetExecution().GetRunId(), func(b before) bool {
		if b.state != nil {
			first = b.state.FirstRunID
		}
		return false
	})
	if err != nil || first != firstRun {
		return nil, err
	}
	return info, nil
}

// searchRun looks through the newest conversations for one that began with a run.
func (s *server) searchRun(ctx context.Context, firstRun string, limit int) (*workflowpb.WorkflowExecutionInfo, error) {
	var last *workflowpb.WorkflowExecutionInfo
	err := s.conversations.EachConversation(ctx, "ExecutionStatus != 'ContinuedAsNew'", limit, func(listed *workflowpb.WorkflowExecutionInfo) (bool, error) {
		info, err := s.conversations.Describe(ctx, listed.GetExecution().GetWorkflowId(), listed.GetExecution().GetRunId())
		switch {
		case errors.Is(err, conversations.ErrNotFound):
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
		return nil, s.explain("looking through the conversations", err)
	case last == nil:
		return nil, errGone
	}
	return last, nil
}

// follow finds the last run that grew out of a first one. The workflow id may
// have been used again since, by a conversation that began anew.
func (s *server) follow(ctx context.Context, id, firstRun string) (*workflowpb.WorkflowExecutionInfo, error) {
	info, err := s.conversations.Describe(ctx, id, "")
	switch {
	case errors.Is(err, conversations.ErrNotFound):
		return nil, errGone
	case err != nil:
		return nil, err
	case info.GetFirstRunId() == firstRun:
		return info, nil
	}
	following, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	run := s.GetWorkflow(following, id, firstRun)
	err = run.Get(following, nil)
	var execution *temporal.WorkflowExecutionError
	switch {
	case conversations.IsNotFound(err):
		return nil, errGone
	case err != nil && !errors.As(err, &execution):
		return nil, s.explain("following "+id, err)
	}
	info, err = s.conversations.Describe(ctx, id, run.GetRunID())
	if errors.Is(err, conversations.ErrNotFound) {
		return nil, errGone
	}
	return info, err
}

// before is what a conversation knew when one of its runs began: the last words
// of the run before, which nobody needs to be asked for.
type before struct {
	run   string    // the one that began
	at    time.Time // when it did
	state *wire.State
}

// eachBefore goes back through the runs of a conversation, the newest first,
// until visit has seen enough or what came before is gone.
func (s *server) eachBefore(ctx context.Context, id, lastRun string, visit func(before) (more bool)) error {
	for run := lastRun; run != ""; {
		started, at, err := s.conversations.Started(ctx, id, run)
		switch {
		case conversations.IsNotFound(err):
			return nil
		case err != nil:
			return s.explain("reading the history of "+id, err)
		}
		var start wire.Start
		if err := s.dataConverter().FromPayloads(started.GetInput(), &start); err != nil {
			if unreadable, ok := errors.AsType[*encryption.Unreadable](err); ok {
				return fmt.Errorf("reading %s: %w", id, unreadable)
			}
			return fmt.Errorf("%s began with something that this build does not understand: use the build that its worker is of", id)
		}
		if !visit(before{run: run, at: at, state: start.State}) {
			return nil
		}
		run = started.GetContinuedExecutionRunId()
	}
	return nil
}
