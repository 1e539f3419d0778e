package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"parley/conversation/wire"
	"parley/sms"
)

// Client reaches conversations from outside: from the webhook, the command
// line, other programs.
type Client struct {
	Temporal  client.Client
	TaskQueue string // where conversations run
	IDs       wire.IDs
}

// ErrClosed is returned when there is no running conversation to reach.
var ErrClosed = errors.New("the conversation is closed")

func (c Client) options(contact sms.Number, sender sms.Sender) client.StartWorkflowOptions {
	o := client.StartWorkflowOptions{
		ID:            c.IDs.Of(contact, sender),
		TaskQueue:     c.TaskQueue,
		StaticSummary: "SMS with " + contact.Masked(),
		StaticDetails: "One conversation per phone number. What is going on stands under *Current Details*; the query `conversation` returns everything.",
	}
	if c.IDs.Keyed() {
		o.Memo = map[string]any{wire.WhoMemo: wire.Start{Contact: contact, Sender: sender}}
	}
	return o
}

// Tell brings an event to a conversation and starts that if it is not running.
// When it returns nil, the event is in the workflow's history, also if no
// worker runs.
func (c Client) Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	if ctx.Value(requestIDKey{}) == nil {
		ctx = withRequestID(ctx, c.IDs.Hide("request", e.ID))
	}
	e.Trace = cmp.Or(e.Trace, wire.TraceOf(ctx))
	options := c.options(contact, sender)
	_, err := c.Temporal.SignalWithStartWorkflow(ctx, options.ID, wire.EventSignal, e, options, wire.WorkflowType, wire.Start{Contact: contact, Sender: sender})
	if err != nil {
		return fmt.Errorf("signalling the conversation: %w", err)
	}
	return nil
}

// TellRunning brings an event to a conversation that runs, and returns
// ErrClosed if it does not.
func (c Client) TellRunning(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	e.Trace = cmp.Or(e.Trace, wire.TraceOf(ctx))
	err := c.Temporal.SignalWorkflow(withRequestID(ctx, c.IDs.Hide("request", e.ID)), c.IDs.Of(contact, sender), "", wire.EventSignal, e)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return ErrClosed
	case err != nil:
		return fmt.Errorf("signalling the conversation: %w", err)
	}
	return nil
}

// Send asks a conversation to send a message, and returns the message's key.
// The id is the caller's idempotency key: a repeat returns the first key. A
// message that is not taken is an application error of type TypeRefused, whose
// message says why. It needs a running worker; without one it waits until ctx
// is done.
func (c Client) Send(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r wire.SendRequest) (string, error) {
	options := c.options(contact, sender)
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	for {
		key, err := c.update(ctx, options, wire.Start{Contact: contact, Sender: sender}, id, r)
		if _, again := errors.AsType[*serviceerror.WorkflowNotReady](err); again && ctx.Err() == nil {
			continue // it was about to continue as new or to close; the id keeps a repeat harmless
		}
		if err != nil {
			return "", fmt.Errorf("asking the conversation to send: %w", err)
		}
		return key, nil
	}
}

func (c Client) update(ctx context.Context, options client.StartWorkflowOptions, start wire.Start, id string, r wire.SendRequest) (key string, err error) {
	handle, err := c.Temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.Temporal.NewWithStartWorkflowOperation(options, wire.WorkflowType, start),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: c.IDs.Key(id), WorkflowID: options.ID, UpdateName: wire.SendUpdate, Args: []any{r}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, &key)
	}
	return key, err
}

// Queue puts a message in a conversation's queue without waiting for a worker.
func (c Client) Queue(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r wire.SendRequest) error {
	e, err := wire.SendEvent(c.IDs.Key(id), r, time.Now())
	if err != nil {
		return err
	}
	return c.Tell(ctx, contact, sender, e)
}

// Retry has parked work tried again; the id is the caller's idempotency key.
// ErrClosed means that there is no running conversation, and so nothing parked.
func (c Client) Retry(ctx context.Context, contact sms.Number, sender sms.Sender, id string, m wire.Mend) error {
	e, err := wire.RetryEvent(id, m, time.Now())
	if err != nil {
		return err
	}
	return c.TellRunning(ctx, contact, sender, e)
}

// Skip has parked work given up, as Retry has it tried again.
func (c Client) Skip(ctx context.Context, contact sms.Number, sender sms.Sender, id string, m wire.Mend) error {
	e, err := wire.SkipEvent(id, m, time.Now())
	if err != nil {
		return err
	}
	return c.TellRunning(ctx, contact, sender, e)
}

// OptOut records a contact's wish that was said elsewhere. Nothing is sent.
func (c Client) OptOut(ctx context.Context, contact sms.Number, sender sms.Sender, o wire.Consent) error {
	e, err := wire.OptOutEvent(o)
	if err != nil {
		return err
	}
	return c.Tell(ctx, contact, sender, e)
}

// Requested tells what became of a message that was sent or queued under an id, and
// whether the conversation remembers that. It needs a running worker.
func (c Client) Requested(ctx context.Context, contact sms.Number, sender sms.Sender, id string) (wire.Requested, bool, error) {
	state, err := c.State(ctx, contact, sender)
	if err != nil {
		return wire.Requested{}, false, err
	}
	found, known := state.Requested(c.IDs.Key(id))
	return found, known, nil
}

// State returns everything a conversation knows, also a closed one within the
// namespace's retention. It needs a running worker.
func (c Client) State(ctx context.Context, contact sms.Number, sender sms.Sender) (wire.State, error) {
	var state wire.State
	value, err := c.Temporal.QueryWorkflow(ctx, c.IDs.Of(contact, sender), "", wire.StateQuery)
	if err != nil {
		return state, fmt.Errorf("asking the conversation: %w", err)
	}
	if err := value.Get(&state); err != nil {
		return state, fmt.Errorf("reading the conversation: %w", err)
	}
	return state, nil
}
