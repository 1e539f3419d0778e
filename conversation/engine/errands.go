package engine

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

const (
	errandPause   = 15 * time.Minute // between series of tries
	errandGivesUp = 24 * time.Hour   // with a service that takes nothing
)

// sendOn takes note of an errand.
func (c *conversation) sendOn(e wire.Errand) {
	s := c.state
	if e.Kind == wire.ErrandNotice && !s.Settings.Notify {
		return
	}
	if len(s.Errands) >= maxErrands {
		s.Errands = s.Errands[1:]
		s.Evicted++
	}
	e.Since = c.now()
	s.Errands = append(s.Errands, e)
}

// runErrands starts the next errand of each kind.
func (c *conversation) runErrands() {
	for _, kind := range []wire.ErrandKind{wire.ErrandNotice, wire.ErrandFallback} {
		if c.flying(string(kind)) {
			continue
		}
		for {
			i := slices.IndexFunc(c.state.Errands, func(e wire.Errand) bool { return e.Kind == kind })
			if i < 0 || c.now().Before(c.state.Errands[i].NextTry) {
				break
			}
			e := c.state.Errands[i]
			if future := c.run(e); future != nil {
				c.launch(string(kind), future, func(f workflow.Future) { c.onRan(e, f) })
				break
			}
			c.forget(e) // what it was about has settled itself
		}
	}
}

func (c *conversation) run(e wire.Errand) workflow.Future {
	s := c.state
	id := c.ids.Of(s.Contact, s.Sender)
	if e.Kind == wire.ErrandNotice {
		i := slices.IndexFunc(s.Parked, func(p wire.Parked) bool { return p.ID == e.Of })
		if i < 0 {
			return nil
		}
		p := s.Parked[i]
		notice := activities.Notice{ID: p.ID, Conversation: id, Contact: s.Contact, Sender: s.Sender, Code: string(p.Code), Reason: p.Reason, At: p.At}
		if p.Message != nil {
			notice.Key, notice.Reference = p.Message.Key, p.Message.Reference
		}
		return workflow.ExecuteActivity(c.errandContext("tell a person: "+string(p.Code)), notices.NotifyPerson, notice)
	}
	text := e.Text
	if m := c.message(e.Of); m != nil && m.Status == sms.StatusFailed {
		text = c.undelivered(*m)
	}
	if text == nil {
		return nil
	}
	return workflow.ExecuteActivity(c.errandContext("hand over what failed"), fallbacks.HandOver, *text)
}

func (c *conversation) undelivered(m wire.Message) *wire.Undelivered {
	return &wire.Undelivered{
		Key: m.Key, Contact: c.state.Contact, Sender: c.state.Sender, From: m.From, Text: m.Text, Reference: m.Reference,
		Reason: m.Reason, Question: m.AskID != "", At: m.StatusAt,
	}
}

// takeAlong keeps a message that leaves the transcript before it was handed over.
func (c *conversation) takeAlong(m wire.Message) {
	for i, e := range c.state.Errands {
		if e.Kind == wire.ErrandFallback && e.Of == m.Key && m.Status == sms.StatusFailed {
			c.state.Errands[i].Text = c.undelivered(m)
		}
	}
}

// errandContext gives a service some minutes to take a word. Longer outages are
// waited for on our own timer, so that a run can end.
func (c *conversation) errandContext(summary string) workflow.Context {
	return workflow.WithActivityOptions(c.ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    20 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 2 * time.Second, BackoffCoefficient: 3, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Summary:                summary,
	})
}

// onRan notes how an errand went.
func (c *conversation) onRan(e wire.Errand, f workflow.Future) {
	err := f.Get(c.ctx, nil)
	i := slices.IndexFunc(c.state.Errands, func(x wire.Errand) bool { return x.Kind == e.Kind && x.Of == e.Of })
	switch {
	case err == nil:
		c.handedOver(e, wire.WasHandedOver)
	case i < 0:
	case c.now().Before(e.Since.Add(errandGivesUp)):
		c.state.Errands[i].NextTry = c.now().Add(errandPause)
		return
	default:
		workflow.GetLogger(c.ctx).Error("Gave up telling another service", "what", e.Kind, "about", e.Of, "error", plain(err))
		c.handedOver(e, "not handed over: "+plain(err))
		if e.Kind == wire.ErrandFallback {
			c.raise(wire.CauseFallbackAway, "what failed could not be handed to the fallback for a day: "+plain(err))
		}
	}
	c.forget(e)
}

func (c *conversation) handedOver(e wire.Errand, how string) {
	if m := c.message(e.Of); m != nil && e.Kind == wire.ErrandFallback {
		m.Fallback = wire.Cut(how, wire.MaxIDBytes)
		c.toArchive(m)
	}
}

func (c *conversation) forget(e wire.Errand) {
	c.state.Errands = slices.DeleteFunc(c.state.Errands, func(x wire.Errand) bool { return x.Kind == e.Kind && x.Of == e.Of })
}

// message is the message of the transcript with a key; nil if it is gone.
func (c *conversation) message(key string) *wire.Message {
	i := slices.IndexFunc(c.state.Transcript, func(m wire.Message) bool { return m.Key == key })
	if i < 0 || key == "" {
		return nil
	}
	return &c.state.Transcript[i]
}
