package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"parley/conversation"
	"parley/internal/connect"
	"parley/internal/identity"
	"parley/internal/program"
	"parley/sms"
)

type moveIDsCmd struct {
	Now  bool          `help:"Do not wait until it is certain that no other worker runs."`
	Each time.Duration `default:"15m" placeholder:"DURATION" help:"How long one conversation may take: what it has in flight ends first. Default: ${default}."`
}

// Help is the long help.
func (*moveIDsCmd) Help() string {
	return `For a namespace whose conversations began without PARLEY_ID_KEY. End all workers
and webhooks, set the key for all of them, and run this once; then start them again.
Meanwhile Sinch keeps its callbacks and tries again.

It works as a worker does, but lets no script speak, and has each open conversation
go on under its new id, with all that it knows: who opted out, what waits, what was
said. A conversation that cannot be moved stays as it is. Run it again as often as
you like: what has moved stays moved.`
}

// mover moves all open conversations, with the workers of this process.
type mover struct {
	program   *program.Program
	namespace identity.Namespace
	temporal  client.Client
	command   moveIDsCmd
}

// errInterrupted is for who would go on as if all had moved.
var errInterrupted = errors.New("told to stop before all had moved: run move-ids again")

// errMoving keeps scripts from speaking to a conversation under its new id before
// it is there.
var errMoving = errors.New("conversations are being moved to new ids")

type muted struct{}

func (muted) Tell(context.Context, sms.Number, sms.Sender, conversation.Envelope) error {
	return errMoving
}

// prepare makes sure that it is safe to move, and reports whether there is anything to do.
func (m *mover) prepare(ctx context.Context, ids conversation.IDs) (needed bool, err error) {
	if !ids.Keyed() {
		return false, errors.New("set PARLEY_ID_KEY, with which the new ids are made")
	}
	if _, err = m.namespace.TakeUp(ctx); err != nil && !errors.Is(err, identity.ErrMixed) {
		return false, err
	}
	if err == nil { // a program that was overlooked may have begun some since the key was taken up
		left, err := m.plain(ctx)
		if err != nil {
			return false, err
		}
		if len(left) == 0 {
			m.program.Log.Info("there is nothing to move: all ids are made with this key")
			return false, nil
		}
	}
	return true, m.alone(ctx)
}

// alone makes sure that no other worker runs. One that was ended is remembered by
// the server for a while.
func (m *mover) alone(ctx context.Context) error {
	began := time.Now()
	for told := false; !m.command.Now; told = true {
		described, err := m.temporal.DescribeTaskQueue(ctx, m.namespace.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		if err != nil {
			return fmt.Errorf("looking for other workers: %w", err)
		}
		var heard time.Time
		for _, poller := range described.GetPollers() {
			if at := poller.GetLastAccessTime().AsTime(); at.After(heard) {
				heard = at
			}
		}
		switch {
		case heard.After(began):
			return errors.New("another worker is running: end all workers and webhooks first")
		case time.Since(heard) > connect.PollTime:
			return nil
		case !told:
			m.program.Log.Info("waiting until it is certain that no other worker runs", "at_most", (connect.PollTime - time.Since(heard)).Round(time.Second).String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return nil
}

const movedAtOnce = 20

// run moves until there is nothing left that is listed, which is a moment late.
func (m *mover) run(ctx context.Context, ids conversation.IDs) error {
	moved := 0
	for empty := 0; empty < 2; {
		all, err := m.plain(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			empty++
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Second):
			}
			continue
		}
		empty = 0
		group, moving := errgroup.WithContext(ctx)
		group.SetLimit(movedAtOnce)
		for _, info := range all {
			group.Go(func() error { return m.one(moving, ids, info) })
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("after %d: %w", moved, err)
		}
		moved += len(all)
		m.program.Log.Info("moved", "conversations", moved)
	}
	return m.namespace.Record(ctx, ids)
}

func (m *mover) plain(ctx context.Context) ([]*workflowpb.WorkflowExecutionInfo, error) {
	page, err := m.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, Query: identity.PlainQuery})
	if err != nil {
		return nil, fmt.Errorf("listing the conversations whose workflow ids hold numbers: %w", err)
	}
	return page.GetExecutions(), nil
}

// one waits until a conversation has moved, or closed by itself.
func (m *mover) one(ctx context.Context, ids conversation.IDs, info *workflowpb.WorkflowExecutionInfo) error {
	id := info.GetExecution().GetWorkflowId()
	contact, sender, err := conversation.ParseID(id)
	switch {
	case err != nil || conversation.ID(contact, sender) != id:
		return fmt.Errorf("somebody else made the id of the conversation with the run %s, and nobody reaches it there: terminate it", info.GetExecution().GetRunId())
	case info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return fmt.Errorf("somebody paused the conversation with the run %s: unpause it", info.GetExecution().GetRunId())
	}
	event, err := conversation.MoveEvent(ids.Of(contact, sender), time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.command.Each)
	defer cancel()
	err = conversation.Client{Temporal: m.temporal}.TellRunning(ctx, contact, sender, event)
	if err == nil {
		err = m.temporal.GetWorkflow(ctx, id, "").Get(ctx, nil)
	}
	var closed *temporal.WorkflowExecutionError // in another way, and has nothing left to move
	switch {
	case err == nil, errors.Is(err, conversation.ErrClosed), errors.As(err, &closed):
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("a conversation did not move within %s: parley list --attention says what is wrong with it", m.command.Each)
	}
	return fmt.Errorf("moving a conversation: %w", err)
}
