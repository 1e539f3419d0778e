package engine

import (
	"encoding/json"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

const (
	errandPause   = 15 * time.Minute // between series of tries
	errandGivesUp = 24 * time.Hour   // with a service that takes nothing
)

// errands are words to services of the user's own. They keep nobody waiting.
type errands struct {
	still
	*run
	*wire.Services
}

// add has a service told, if there is such a one.
func (e *errands) add(hook wire.Hook, id string, body any) {
	if !slices.Contains(e.Settings.Hooks, hook) {
		return
	}
	if len(e.Errands) >= maxErrands { // a service that is away pushes out its own
		i := max(0, slices.IndexFunc(e.Errands, func(x wire.Errand) bool { return x.Hook == hook }))
		e.Errands = slices.Delete(e.Errands, i, i+1)
		e.Evicted++
	}
	raw, _ := json.Marshal(body) //nolint:errchkjson // it holds nothing that JSON cannot
	e.Errands = append(e.Errands, wire.Errand{Hook: hook, ID: id, Body: raw, Since: e.now()})
}

// takeBack lets go of an errand whose matter has settled itself.
func (e *errands) takeBack(hook wire.Hook, id string) {
	e.Errands = slices.DeleteFunc(e.Errands, func(x wire.Errand) bool { return x.Hook == hook && x.ID == id })
}

// advance starts the next errand to each service.
func (e *errands) advance() {
	for _, x := range e.Errands {
		if !e.flying(string(x.Hook)) && e.first(x) && !e.now().Before(x.NextTry) {
			told := workflow.ExecuteActivity(e.patiently("tell "+string(x.Hook)), wire.TellServiceActivity, wire.Errand{Hook: x.Hook, ID: x.ID, Body: x.Body})
			e.launch(string(x.Hook), told, func(f workflow.Future) { e.onTold(x, f) })
		}
	}
}

// first reports whether no older errand waits for the same service.
func (e *errands) first(x wire.Errand) bool {
	i := slices.IndexFunc(e.Errands, func(y wire.Errand) bool { return y.Hook == x.Hook })
	return e.Errands[i].ID == x.ID
}

// onTold notes how an errand went.
func (e *errands) onTold(x wire.Errand, f workflow.Future) {
	err := f.Get(e.ctx, nil)
	i := slices.IndexFunc(e.Errands, func(y wire.Errand) bool { return y.Hook == x.Hook && y.ID == x.ID })
	switch {
	case err == nil:
		e.handedOver(x, wire.WasHandedOver)
	case i < 0:
	case e.now().Before(x.Since.Add(errandGivesUp)):
		e.Errands[i].NextTry = e.now().Add(errandPause)
		return
	default:
		workflow.GetLogger(e.ctx).Error("Gave up telling another service", "what", x.Hook, "about", x.ID, "error", plain(err))
		e.handedOver(x, "not handed over: "+plain(err))
		if x.Hook == wire.HookFallback {
			e.desk.raise(wire.CauseFallbackAway, "what failed could not be handed to the fallback for a day: "+plain(err))
		}
	}
	e.takeBack(x.Hook, x.ID)
}

func (e *errands) handedOver(x wire.Errand, how string) {
	if m := e.transcript.message(x.ID); m != nil && x.Hook == wire.HookFallback {
		m.Fallback = wire.Cut(how, wire.MaxIDBytes)
		e.archive.add(m)
	}
}

// notify has a person told of what was parked.
func (e *errands) notify(p wire.Parked) {
	notice := wire.Notice{
		ID: p.ID, Conversation: e.ids.Of(e.Contact, e.Sender), Contact: e.Contact, Sender: e.Sender, Code: string(p.Code), Reason: p.Reason, At: p.At,
	}
	if p.Message != nil {
		notice.Key, notice.Reference = p.Message.Key, p.Message.Reference
	}
	e.add(wire.HookNotify, p.ID, notice)
}

// fallBack hands a text that failed to the fallback, unless it is parked: a person may
// still retry it.
func (e *errands) fallBack(m wire.Message) {
	if m.Status == sms.StatusFailed && !m.Must && !e.desk.keeps(m.Key) {
		e.add(wire.HookFallback, m.Key, wire.Undelivered{
			Key: m.Key, Contact: e.Contact, Sender: e.Sender, From: m.From, Text: m.Text, Reference: m.Reference,
			Reason: m.Reason, Question: m.AskID != "", At: m.StatusAt,
		})
	}
}

func (e *errands) deadlines(at func(time.Time, string)) {
	for i := range e.Errands {
		at(e.Errands[i].NextTry, "tell the other service again")
	}
}

func (e *errands) busy() bool { return len(e.Errands) > 0 }
