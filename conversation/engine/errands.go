package engine

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

const (
	errandPause   = 15 * time.Minute // between series of tries
	errandGivesUp = 24 * time.Hour   // with a service that takes nothing
)

// errands are words to other services. They keep nobody waiting.
type errands struct {
	still
	*run
	*wire.Services
}

// add takes note of an errand.
func (e *errands) add(x wire.Errand) {
	if x.Kind == wire.ErrandNotice && !e.Settings.Notify {
		return
	}
	if len(e.Errands) >= maxErrands {
		e.Errands = e.Errands[1:]
		e.Evicted++
	}
	x.Since = e.now()
	e.Errands = append(e.Errands, x)
}

// advance starts the next errand of each kind.
func (e *errands) advance() {
	for _, kind := range []wire.ErrandKind{wire.ErrandNotice, wire.ErrandFallback} {
		if e.flying(string(kind)) {
			continue
		}
		for {
			i := slices.IndexFunc(e.Errands, func(x wire.Errand) bool { return x.Kind == kind })
			if i < 0 || e.now().Before(e.Errands[i].NextTry) {
				break
			}
			x := e.Errands[i]
			if future := e.begin(x); future != nil {
				e.launch(string(kind), future, func(f workflow.Future) { e.onRan(x, f) })
				break
			}
			e.forget(x) // what it was about has settled itself
		}
	}
}

func (e *errands) begin(x wire.Errand) workflow.Future {
	id := e.ids.Of(e.Contact, e.Sender)
	if x.Kind == wire.ErrandNotice {
		p := e.desk.parked(x.Of)
		if p == nil {
			return nil
		}
		notice := activities.Notice{ID: p.ID, Conversation: id, Contact: e.Contact, Sender: e.Sender, Code: string(p.Code), Reason: p.Reason, At: p.At}
		if p.Message != nil {
			notice.Key, notice.Reference = p.Message.Key, p.Message.Reference
		}
		return workflow.ExecuteActivity(e.patiently("tell a person: "+string(p.Code)), notices.NotifyPerson, notice)
	}
	text := x.Text
	if m := e.transcript.message(x.Of); m != nil && m.Status == sms.StatusFailed {
		text = e.undelivered(*m)
	}
	if text == nil {
		return nil
	}
	return workflow.ExecuteActivity(e.patiently("hand over what failed"), fallbacks.HandOver, *text)
}

func (e *errands) undelivered(m wire.Message) *wire.Undelivered {
	return &wire.Undelivered{
		Key: m.Key, Contact: e.Contact, Sender: e.Sender, From: m.From, Text: m.Text, Reference: m.Reference,
		Reason: m.Reason, Question: m.AskID != "", At: m.StatusAt,
	}
}

// takeAlong keeps a message that leaves the transcript before it was handed over.
func (e *errands) takeAlong(m wire.Message) {
	for i, x := range e.Errands {
		if x.Kind == wire.ErrandFallback && x.Of == m.Key && m.Status == sms.StatusFailed {
			e.Errands[i].Text = e.undelivered(m)
		}
	}
}

// onRan notes how an errand went.
func (e *errands) onRan(x wire.Errand, f workflow.Future) {
	err := f.Get(e.ctx, nil)
	i := slices.IndexFunc(e.Errands, func(y wire.Errand) bool { return y.Kind == x.Kind && y.Of == x.Of })
	switch {
	case err == nil:
		e.handedOver(x, wire.WasHandedOver)
	case i < 0:
	case e.now().Before(x.Since.Add(errandGivesUp)):
		e.Errands[i].NextTry = e.now().Add(errandPause)
		return
	default:
		workflow.GetLogger(e.ctx).Error("Gave up telling another service", "what", x.Kind, "about", x.Of, "error", plain(err))
		e.handedOver(x, "not handed over: "+plain(err))
		if x.Kind == wire.ErrandFallback {
			e.desk.raise(wire.CauseFallbackAway, "what failed could not be handed to the fallback for a day: "+plain(err))
		}
	}
	e.forget(x)
}

func (e *errands) handedOver(x wire.Errand, how string) {
	if m := e.transcript.message(x.Of); m != nil && x.Kind == wire.ErrandFallback {
		m.Fallback = wire.Cut(how, wire.MaxIDBytes)
		e.archive.add(m)
	}
}

func (e *errands) forget(x wire.Errand) {
	e.Errands = slices.DeleteFunc(e.Errands, func(y wire.Errand) bool { return y.Kind == x.Kind && y.Of == x.Of })
}

// fallBack has a text handed to the fallback, if there is one, and if nobody may
// still have it sent.
func (e *errands) fallBack(m wire.Message) {
	if e.Settings.Fallback && !m.Must && !e.desk.keeps(m.Key) {
		x := wire.Errand{Kind: wire.ErrandFallback, Of: m.Key}
		if e.transcript.message(m.Key) == nil {
			x.Text = e.undelivered(m)
		}
		e.add(x)
	}
}

func (e *errands) deadlines(at func(time.Time, string)) {
	for i := range e.Errands {
		at(e.Errands[i].NextTry, "tell the other service again")
	}
}

func (e *errands) busy() bool { return len(e.Errands) > 0 }
