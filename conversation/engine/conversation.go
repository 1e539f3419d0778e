package engine

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
)

const (
	maxSignals   = 1000                // of one run, before it continues as new
	maxRunLength = 30 * 24 * time.Hour // so that none holds an old build, or an old key, for longer
)

// conversation is one run: the state that outlives it, and what is in flight.
type conversation struct {
	root  workflow.Context // cancelled by an operator
	ctx   workflow.Context // never cancelled: a conversation is not a job that can be called off
	ids   wire.IDs
	state *wire.State
	info  *workflow.Info

	events workflow.ReceiveChannel
	wake   workflow.Channel // an update changed the state
	timer  timer

	flights

	sending   *sending
	answering []*answering
	storing   *storing

	begun         bool // what was before this conversation is known
	closingStored bool // the archive has the record of this run's end

	trace     string // of what is being acted upon
	left      bool   // a message left the outbox
	signals   int
	baseline  int // history length when this run could first act
	cancelled bool
}

// Conversation talks to one number: it keeps order, drops duplicates, sends
// through one queue, asks one question at a time and tracks what became of each
// text. It contains no business rules.
//
// It is one loop: take everything that arrived, start everything that can be
// started, and wait. Nothing in the loop but wait blocks, so whatever was taken
// is part of the state that closing or continuing as new hands on.
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
			case continuing && !c.storeAll(true):
				c.state.Run++
				return wire.State{}, workflow.NewContinueAsNewError(ctx, wire.WorkflowType, wire.Start{Contact: c.state.Contact, Sender: c.state.Sender, State: c.state})
			case !continuing && c.finished() && !c.storeAll(false):
				return *c.state, nil
			}
		}
		c.show()
		c.arm()
		c.wait()
	}
}

func (t *Toolkit) open(ctx workflow.Context, start wire.Start) (*conversation, error) {
	info := workflow.GetInfo(ctx)
	state, fresh := start.State, start.State == nil
	if fresh {
		first := info.FirstRunID
		if first == "" { // the test environment knows none
			first = info.WorkflowExecution.RunID
		}
		state = &wire.State{Schema: wire.Schema, Contact: start.Contact, Sender: start.Sender, FirstRunID: first, StartedAt: workflow.Now(ctx)}
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
		root:     ctx,
		ctx:      disconnected,
		ids:      t.IDs,
		state:    state,
		info:     info,
		events:   workflow.GetSignalChannel(disconnected, wire.EventSignal),
		wake:     workflow.NewBufferedChannel(disconnected, 1),
		baseline: info.GetCurrentHistoryLength(),
	}
	couldShow := state.Settings.SearchAttributes
	state.Settings = wire.Settings{} // what is read must not be mixed with what the run before had
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		settings := t.Settings
		settings.Version, settings.Suppressions = newest, t.Suppressions != nil
		return settings
	}).Get(&state.Settings)
	if err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	if !couldShow {
		state.Shown = wire.Shown{} // the attributes may have been registered since
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
		if err := c.heedSuppression(); err != nil {
			return nil, err
		}
		c.begun = true
	}
	if !fresh {
		c.renewMemo()
	}
	return c, nil
}

// drain takes every event that has arrived. It does not block.
func (c *conversation) drain() {
	var raw converter.RawValue
	for c.events.ReceiveAsync(&raw) {
		c.take(raw)
		raw = converter.RawValue{}
	}
}

// advance starts whatever the state allows to be started.
func (c *conversation) advance() {
	for c.left = true; c.left; { // a message that left may let others go on
		c.left = false
		c.routeTexts()
		c.expireQuestions()
		c.freeSilentFloor()
		c.workOnTurn()
		c.releaseSays()
		c.releaseResends()
		c.askNext()
		c.checkHolder()
		c.sendNext()
	}
	c.report()
	c.runErrands()
	c.store()
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
			c.raise(wire.CauseCancelled, "somebody cancelled this conversation, which has no effect; terminate it to stop it")
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
	after := c.state.Settings.ContinueAfter
	return c.info.GetContinueAsNewSuggested() ||
		c.signals >= maxSignals ||
		after > 0 && length-c.baseline >= after ||
		!c.now().Before(c.info.WorkflowStartTime.Add(maxRunLength))
}

// finished reports whether the conversation may complete.
func (c *conversation) finished() bool {
	if !c.mayClose() || c.busy() {
		return false
	}
	return c.state.ActiveAt.IsZero() || !c.now().Before(c.idleAt())
}

// busy reports whether there is anything left to do.
func (c *conversation) busy() bool {
	s := c.state
	return len(s.Questions)+len(s.Outbox)+len(s.Resends)+len(s.Inbox)+len(s.Backlog)+len(s.Redo)+len(s.Says)+len(s.Watches)+len(s.Errands) > 0 || s.Turn != nil
}

// mayClose reports whether nothing would be forgotten by closing.
func (c *conversation) mayClose() bool {
	return (c.state.OptedOut == nil || c.state.OptedOut.Remembered()) && len(c.state.Parked) == 0
}

func (c *conversation) idleAt() time.Time { return c.state.ActiveAt.Add(c.state.Settings.IdleAfter) }

func (c *conversation) now() time.Time { return workflow.Now(c.ctx) }

// raise asks a person to look, until the cause is settled.
func (c *conversation) raise(cause wire.Cause, reason string) { c.state.Raise(cause, reason, c.now()) }

var (
	messaging *activities.Messaging
	responder *activities.Responder
	notices   *activities.Notices
	fallbacks *activities.Fallbacks
	archives  *activities.Archives
)
