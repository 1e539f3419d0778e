package engine

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// A part of a conversation has a piece of the state that it alone changes. What
// it wants of the others it says by their verbs.
type part interface {
	advance()                             // starts whatever its state allows to be started
	deadlines(at func(time.Time, string)) // when it has to act by itself, and why
	busy() bool                           // whether closing would forget something
	silence(o wire.OptOut)                // takes back what has not left, for a contact who opted out
}

// parts are those of one conversation.
type parts struct {
	inbox      *inbox      // texts in, until somebody takes them up
	consent    *consent    // STOP, START, HELP
	gate       *gate       // may this be sent
	floor      *floor      // who may speak next
	responder  *responder  // texts that no script waits for
	says       *says       // scripts' texts that ask nothing
	questions  *questions  // one open at a time
	answers    *answers    // outcomes on their way to scripts
	resends    *resends    // of texts that did not arrive
	held       *held       // texts that wait for their time
	outbox     *outbox     // texts on their way to the carrier
	transcript *transcript // what was said, and what became of it
	watches    *watches    // scripts that want to know that
	desk       *desk       // what needs a person
	errands    *errands    // words to other services
	archive    *archive    // what is kept beyond retention
}

// all are the parts in the order in which they act: who speaks first, who sends last.
func (p *parts) all() []part {
	return []part{
		p.inbox, p.consent, p.floor, p.responder, p.says, p.questions, p.held, p.outbox,
		p.watches, p.desk, p.errands, p.archive,
	}
}

// run is what the parts share: the clock, what is in flight, and each other's verbs.
type run struct {
	*wire.Life
	parts
	flights

	ctx   workflow.Context // never cancelled: a conversation is not a job that can be called off
	ids   wire.IDs
	info  *workflow.Info
	trace string // of what is being acted upon
	moved bool   // something left, which may let others go on
}

// newRun gives each part its piece of the state.
func newRun(ctx workflow.Context, t *Toolkit, state *wire.State) *run {
	r := &run{Life: &state.Life, ctx: ctx, ids: t.IDs, info: workflow.GetInfo(ctx)}
	r.parts = parts{
		inbox:      &inbox{run: r, Arrivals: &state.Arrivals},
		consent:    &consent{run: r, Consents: &state.Consents},
		gate:       &gate{run: r, Departures: &state.Departures, rules: append(slices.Clip(rules), t.rules...)},
		floor:      &floor{run: r, Floor: &state.Floor},
		responder:  &responder{run: r, Responses: &state.Responses, port: cmp.Or[Responder](t.Responder, ByActivity{})},
		says:       &says{run: r, Dialogue: &state.Dialogue},
		questions:  &questions{run: r, Dialogue: &state.Dialogue},
		answers:    &answers{run: r},
		resends:    &resends{run: r},
		held:       &held{run: r, Departures: &state.Departures},
		outbox:     &outbox{run: r, Departures: &state.Departures},
		transcript: &transcript{run: r, Chronicle: &state.Chronicle},
		watches:    &watches{run: r, Dialogue: &state.Dialogue},
		desk:       &desk{run: r, Cares: &state.Cares},
		errands:    &errands{run: r, Services: &state.Services},
		archive:    &archive{run: r, Services: &state.Services},
	}
	return r
}

func (r *run) now() time.Time { return workflow.Now(r.ctx) }

// touch puts off closing.
func (r *run) touch() { r.ActiveAt = r.now() }

func (r *run) idleAt() time.Time { return r.ActiveAt.Add(r.Settings.IdleAfter) }

// left tells everybody that a message has left the outbox, with the status that it has now.
func (r *run) left(m wire.Message) {
	r.transcript.record(m)
	r.transcript.followUp(m)
	r.responder.left(m)
	r.questions.left(m)
	r.moved = true
}

// reported tells everybody what became of a message that had left.
func (r *run) reported(m wire.Message) {
	if m.Status.Final() { // it is known after all what became of it
		r.desk.settled(m.Key)
	}
	if m.Status != sms.StatusFailed {
		r.errands.takeBack(wire.HookFallback, m.Key)
	}
	r.transcript.followUp(m)
	r.questions.reported(m)
}

// still is what a part does that has nothing to do.
type still struct{}

func (still) advance()                          {}
func (still) deadlines(func(time.Time, string)) {}
func (still) busy() bool                        { return false }
func (still) silence(wire.OptOut)               {}
