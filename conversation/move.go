package conversation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// moving is a conversation on its way to another workflow id, with everything it
// knows.
type moving struct {
	to     string
	future workflow.Future      // of the activity; nil until nothing else is in flight
	begun  bool                 // the state was handed over: from here on it does not change
	moved  bool                 // the successor has it
	held   []converter.RawValue // events that came since
}

// A Move is what a conversation hands to its successor.
type Move struct {
	RunID  string     `json:"run_id"` // the one that moves: the same for each try
	To     string     `json:"to"`     // the successor's workflow id
	Start  Start      `json:"start"`
	Idle   bool       `json:"idle"`            // there is nothing to be done: only memories would be lost
	Moved  bool       `json:"moved,omitempty"` // the successor has the state, and wants the events
	Events []Envelope `json:"events,omitempty"`
}

// A Mover starts the successor of a conversation under its id, and brings it events.
// It may be called again with the same move.
type Mover interface {
	Move(ctx context.Context, m Move) error
}

func (t *Toolkit) move(ctx context.Context, m Move) error { return t.Mover.Move(ctx, m) }

// destination is where a conversation moves to.
type destination struct {
	To string `json:"to"` // a workflow id
}

// MoveEvent is the envelope of a wish that a conversation goes on under another id.
// Each wish has an id of its own, since one that could not be fulfilled may be
// said again.
func MoveEvent(to string, at time.Time) (Envelope, error) {
	return envelope(KindMove, "move:"+to+":"+at.UTC().Format(time.RFC3339Nano), at, destination{to})
}

func (c *conversation) onMove(_ Envelope, d destination) error {
	if !IsID(d.To) || d.To == c.info.WorkflowExecution.ID {
		return errors.New("move event without a conversation's workflow id, or with its own")
	}
	if c.moving == nil {
		c.moving = &moving{to: d.To}
	}
	return nil
}

// move hands over the state, then what has come since, and reports whether
// nothing is left.
func (c *conversation) move() (gone bool) {
	m := c.moving
	switch {
	case m.future != nil:
		return false
	case m.moved && len(m.held) == 0:
		return true
	}
	next := Move{
		RunID: c.info.WorkflowExecution.RunID, To: m.to, Idle: !c.busy() && len(c.state.Parked) == 0, Moved: m.moved,
		Start: Start{Contact: c.state.Contact, Sender: c.state.Sender, State: c.successor()},
	}
	if m.moved {
		for _, raw := range m.held {
			if e, err := open(raw.Payload()); err == nil && e.Kind != KindMove { // that wish is fulfilled
				next.Events = append(next.Events, e)
			}
		}
		m.held = nil
	}
	m.begun = true
	ctx := workflow.WithActivityOptions(c.ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:             "move to an id without a number",
	})
	m.future = workflow.ExecuteActivity(ctx, moveActivity, next)
	return false
}

func (c *conversation) onMoved(f workflow.Future) {
	m := c.moving
	m.future = nil
	if err := f.Get(c.ctx, nil); err != nil {
		c.moving = nil
		c.attend("it could not be moved to its new id: " + plain(err))
		for _, raw := range m.held {
			c.take(raw)
		}
		return
	}
	m.moved = true
}

// successor is the state under the new id. There nothing is shown yet, and callers'
// keys are hidden.
func (c *conversation) successor() *State {
	s := *c.state
	s.Run++
	s.Shown = shown{}
	s.Requests, s.Seen, s.Skipped = slices.Clone(s.Requests), slices.Clone(s.Seen), slices.Clone(s.Skipped)
	hidden := func(event string) string {
		key, ok := strings.CutPrefix(event, "send:")
		if !ok {
			return event
		}
		return "send:" + c.ids.Key(key)
	}
	for i, r := range s.Requests {
		s.Requests[i].ID = c.ids.Key(r.ID)
	}
	for i, e := range s.Seen {
		s.Seen[i].ID = hidden(e.ID)
	}
	for i, e := range s.Skipped {
		s.Skipped[i].ID = hidden(e.ID)
	}
	return &s
}

// TemporalMover moves conversations on a Temporal server. Its IDs are the new ones.
type TemporalMover struct{ Client Client }

// Move implements Mover. The server knows the start of a successor by its request
// id, should it be tried again; once that is done it is not looked at any more,
// since a successor that has continued as new is known by none.
func (t TemporalMover) Move(ctx context.Context, m Move) error {
	c := t.Client
	options := c.options(m.Start.Contact, m.Start.Sender)
	if options.ID != m.To {
		return t.strange(ctx, m)
	}
	if !m.Moved {
		if err := t.start(ctx, m, options); err != nil {
			return fmt.Errorf("starting a conversation under its new id: %w", err)
		}
	}
	for _, e := range m.Events {
		if err := c.Tell(ctx, m.Start.Contact, m.Start.Sender, e); err != nil {
			return err
		}
	}
	return nil
}

func (t TemporalMover) start(ctx context.Context, m Move, options client.StartWorkflowOptions) error {
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowExecutionErrorWhenAlreadyStarted = true
	id := "move:" + m.RunID
	_, err := t.Client.Temporal.ExecuteWorkflow(withRequestID(ctx, id), options, WorkflowType, m.Start)
	if running, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		err = nil
		if running.StartRequestId != id {
			err = t.merge(ctx, m)
		}
	}
	return err
}

// strange is for a worker whose ids are others: moving was given up, and the workers
// were started again without the key. Unless the successor has begun, in which case
// it waits for its events, the conversation need not wait either.
func (t TemporalMover) strange(ctx context.Context, m Move) error {
	const why = "this worker would give it another id: it lacks PARLEY_ID_KEY, or has another one"
	_, err := t.Client.Temporal.DescribeWorkflowExecution(ctx, m.To, "")
	if _, nobody := errors.AsType[*serviceerror.NotFound](err); nobody && !m.Moved {
		return temporal.NewNonRetryableApplicationError(why, "OtherKey", nil)
	}
	return errors.New(why)
}

// merge is for a contact with whom a conversation has begun under the new id
// already. What must not be forgotten is that the contact opted out.
func (t TemporalMover) merge(ctx context.Context, m Move) error {
	if !m.Idle {
		return temporal.NewNonRetryableApplicationError("another one with the same contact has begun there", "AlreadyThere", nil)
	}
	o := m.Start.State.OptedOut
	if o == nil {
		return nil
	}
	at := o.Accepted
	if at.IsZero() {
		at = o.At
	}
	return t.Client.OptOut(ctx, m.Start.Contact, m.Start.Sender, Consent{At: at, Source: cmp.Or(o.Source, "text"), Words: o.Text})
}
