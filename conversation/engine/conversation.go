package engine

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

const (
	maxSignals   = 1000                // of one run, before it continues as new
	maxRunLength = 30 * 24 * time.Hour // so that none holds an old build, or an old key, for longer
)

// conversation is one run of the workflow: its parts, and the loop over them.
type conversation struct {
	*run
	state *wire.State // the whole, for the query and for the next run

	root      workflow.Context // cancelled by an operator
	cancelled bool
	events    workflow.ReceiveChannel
	wake      workflow.Channel // an update changed the state
	timer     timer
	begun     bool // what was before this conversation is known
	signals   int
	baseline  int // history length when this run could first act
}

// Conversation talks to one number: it keeps order, drops duplicates, sends
// through one queue, asks one question at a time and tracks what became of each
// text. It contains no business rules.
//
// It is one loop: take everything that arrived, let each part start what it can,
// and wait. Nothing in the loop but wait blocks, so whatever was taken is part of
// the state that closing or continuing as new hands on.
func (t *Toolkit) Conversation(ctx workflow.Context, start wire.Start) (wire.State, error) {
	c, err := t.open(ctx, start)
	if err != nil {
		return wire.State{}, err
	}
	for {
		c.drain()
		continuing := c.mustContinue()
		if !continuing {
			c.advance()
		}
		if c.none() && workflow.AllHandlersFinished(ctx) {
			switch {
			case continuing && !c.archive.storeAll(c.closing(true)):
				c.Run++
				return wire.State{}, workflow.NewContinueAsNewError(ctx, wire.WorkflowType, wire.Start{Contact: c.Contact, Sender: c.Sender, State: c.state})
			case !continuing && c.finished() && !c.archive.storeAll(c.closing(false)):
				return *c.state, nil
			}
		}
		c.show()
		c.arm()
		c.wait()
	}
}

func (t *Toolkit) open(ctx workflow.Context, start wire.Start) (*conversation, error) {
	state, fresh := start.State, start.State == nil
	if fresh {
		state = newState(ctx, start)
	}
	if state.Schema > wire.Schema {
		// An old worker must not rewrite what it does not know in full: the task is
		// tried again until a worker of the right build takes it.
		panic(fmt.Sprintf("the state has schema %d and this build knows %d: deploy the newer worker", state.Schema, wire.Schema))
	}
	state.Schema = wire.Schema
	if state.Contact == "" {
		return nil, errNoContact
	}
	disconnected, _ := workflow.NewDisconnectedContext(ctx)
	c := &conversation{
		run:    newRun(disconnected, t, state),
		state:  state,
		root:   ctx,
		events: workflow.GetSignalChannel(disconnected, wire.EventSignal),
		wake:   workflow.NewBufferedChannel(disconnected, 1),
	}
	c.baseline = c.info.GetCurrentHistoryLength()
	if err := c.readSettings(t); err != nil {
		return nil, err
	}
	c.begun = !fresh || !state.Settings.Suppressions // updates may be handled as soon as that is offered
	if err := workflow.SetQueryHandlerWithOptions(disconnected, wire.StateQuery, func() (wire.State, error) { return *c.state, nil },
		workflow.QueryHandlerOptions{Description: "Everything this conversation knows"}); err != nil {
		return nil, fmt.Errorf("offering the query: %w", err)
	}
	if err := workflow.SetUpdateHandlerWithOptions(disconnected, wire.SendUpdate, c.onSendUpdate,
		workflow.UpdateHandlerOptions{Description: "Send one message to the contact", Validator: c.validateSendUpdate}); err != nil {
		return nil, fmt.Errorf("offering the update: %w", err)
	}
	if !c.begun {
		if err := c.consent.heedSuppression(); err != nil {
			return nil, err
		}
		c.begun = true
	}
	if !fresh {
		c.renewMemo()
	}
	return c, nil
}

func newState(ctx workflow.Context, start wire.Start) *wire.State {
	info := workflow.GetInfo(ctx)
	first := info.FirstRunID
	if first == "" { // the test environment knows none
		first = info.WorkflowExecution.RunID
	}
	return &wire.State{Life: wire.Life{
		Schema: wire.Schema, Contact: start.Contact, Sender: start.Sender, FirstRunID: first, StartedAt: workflow.Now(ctx),
	}, Dialogue: wire.Dialogue{Floor: wire.Floor{Epoch: 1}}}
}

// readSettings reads them once: a changed setting must not change what this run does.
func (c *conversation) readSettings(t *Toolkit) error {
	couldShow := c.Settings.SearchAttributes
	c.Settings = wire.Settings{} // what is read must not be mixed with what the run before had
	err := workflow.SideEffect(c.root, func(workflow.Context) any {
		settings := t.Settings
		settings.Version, settings.Suppressions = newest, t.Suppressions != nil
		return settings
	}).Get(&c.Settings)
	if err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	if !couldShow {
		c.Shown = wire.Shown{} // the attributes may have been registered since
	}
	return nil
}

// drain takes every event that has arrived. It does not block.
func (c *conversation) drain() {
	var raw converter.RawValue
	for c.events.ReceiveAsync(&raw) {
		c.take(raw)
		raw = converter.RawValue{}
	}
}

// advance lets each part start what it can, until nothing moves any more.
func (c *conversation) advance() {
	for c.moved = true; c.moved; {
		c.moved = false
		for _, p := range c.all() {
			p.advance()
		}
	}
}

// wait blocks until something happened.
func (c *conversation) wait() {
	s := workflow.NewSelector(c.ctx)
	s.AddReceive(c.events, func(ch workflow.ReceiveChannel, _ bool) {
		var raw converter.RawValue
		ch.Receive(c.ctx, &raw)
		c.take(raw)
	})
	s.AddReceive(c.wake, func(ch workflow.ReceiveChannel, _ bool) { ch.Receive(c.ctx, nil) })
	if !c.cancelled {
		s.AddReceive(c.root.Done(), func(ch workflow.ReceiveChannel, _ bool) {
			ch.Receive(c.ctx, nil)
			c.cancelled = true
			c.desk.raise(wire.CauseCancelled, "somebody cancelled this conversation, which has no effect; terminate it to stop it")
		})
	}
	if c.timer.future != nil {
		s.AddFuture(c.timer.future, func(workflow.Future) { c.timer = timer{} })
	}
	c.await(s)
	s.Select(c.ctx)
}

// mustContinue reports whether this run is long enough. From then on nothing
// new is started.
func (c *conversation) mustContinue() bool {
	length := c.info.GetCurrentHistoryLength()
	after := c.Settings.ContinueAfter
	return c.info.GetContinueAsNewSuggested() ||
		c.signals >= maxSignals ||
		after > 0 && length-c.baseline >= after ||
		!c.now().Before(c.info.WorkflowStartTime.Add(maxRunLength))
}

// closing is what the archive keeps of a run that ends.
func (c *conversation) closing(continues bool) wire.Closing {
	s := c.state
	return wire.Closing{
		Contact: s.Contact, Sender: s.Sender, Run: s.Run, StartedAt: s.StartedAt, ActiveAt: s.ActiveAt, Continues: continues,
		OptedOut: s.OptedOut, Parked: s.Parked, Mended: s.Mended, Evicted: s.Evicted,
	}
}

// finished reports whether the conversation may complete.
func (c *conversation) finished() bool {
	return !c.busy() && (c.ActiveAt.IsZero() || !c.now().Before(c.idleAt()))
}

// busy reports whether closing would forget something.
func (c *conversation) busy() bool {
	for _, p := range c.all() {
		if p.busy() {
			return true
		}
	}
	return false
}
