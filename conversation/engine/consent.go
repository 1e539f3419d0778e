package engine

import (
	"errors"

	"parley/conversation/wire"
	"parley/sms"
)

// optOut acts on receipt: what has not left does not leave, and everybody who
// waits for this contact is told.
func (c *conversation) optOut(in sms.Inbound) {
	s := c.state
	if in.AcceptedAt.Before(s.OptedIn) {
		return // it comes late; the contact has written START since
	}
	if s.OptedOut != nil {
		if in.AcceptedAt.After(s.OptedOut.Accepted) {
			s.OptedOut.Accepted = in.AcceptedAt
		}
		return
	}
	c.silence(wire.OptOut{At: c.now(), Text: in.Text, MessageID: in.ID, Accepted: in.AcceptedAt})
	if s.Settings.OptOutReply != "" {
		c.enqueue(wire.Message{From: wire.FromParley, Text: s.Settings.OptOutReply, Must: true})
	}
}

// onOptOut acts on a wish that was said elsewhere. It is not confirmed by a
// text, and a START that was written later stands.
func (c *conversation) onOptOut(e wire.Envelope, o wire.Consent) error {
	if o.At.IsZero() || o.Source == "" {
		return errors.New("optout event without a time and a source")
	}
	if now := c.now(); o.At.After(now) {
		o.At = now // a clock that is ahead must not void a later START
	}
	if c.seen(e.ID) {
		return nil
	}
	s := c.state
	switch {
	case s.OptedOut != nil && !o.At.After(s.OptedOut.Accepted), !o.At.After(s.OptedIn):
	case s.OptedOut != nil:
		s.OptedOut.Accepted = o.At
	default:
		c.touch()
		c.silence(wire.OptOut{At: c.now(), Text: wire.Cut(o.Words, maxTextBytes), Source: wire.Cut(o.Source, wire.MaxIDBytes), Accepted: o.At})
	}
	return nil
}

// silence takes back everything that has not left.
func (c *conversation) silence(o wire.OptOut) {
	s := c.state
	c.count(metricConsents, "change", "out")
	c.countMany(len(s.Inbox)+len(s.Backlog), metricHandled, "by", byNobody)
	s.OptedOut = &o
	s.Floor = wire.Floor{}
	s.Inbox, s.Backlog, s.Redo = nil, nil, nil
	for _, m := range s.Says {
		c.dropSay(m, reasonOptedOut)
	}
	s.Says = nil
	if !c.flying(flightThink) && !c.flying(flightStart) {
		if s.Turn != nil {
			c.countMany(len(s.Turn.Texts), metricHandled, "by", byNobody)
		}
		s.Turn = nil
	} else {
		s.Turn.Void = true // what is in flight ends it
	}
	for len(s.Questions) > 0 {
		c.end(s.Questions[0], wire.Outcome{Kind: wire.EndOptedOut, Text: o.Text, MessageID: o.MessageID, AcceptedAt: o.Accepted}, nil)
	}
	for len(s.Resends) > 0 {
		c.dropResend(0, sms.StatusDropped, reasonOptedOut)
	}
	c.dropOutbox()
}

// optIn acts on a START that is newer than the last STOP: callbacks may arrive
// in any order.
func (c *conversation) optIn(in sms.Inbound) {
	if !in.AcceptedAt.After(c.state.OptedOut.Accepted) {
		return
	}
	c.count(metricConsents, "change", "in")
	if c.state.OptedOut.Remembered() {
		c.lift()
	}
	c.state.OptedOut, c.state.OptedIn = nil, in.AcceptedAt
	if c.state.Settings.OptInReply != "" {
		c.enqueue(wire.Message{From: wire.FromParley, Text: c.state.Settings.OptInReply})
	}
}

// help answers HELP, unless the network does so itself, and within the bounds
// of all replies.
func (c *conversation) help() {
	s := c.state
	if s.Settings.HelpReply == "" {
		return
	}
	if !c.mayText() || len(s.Outbox) >= maxOutbox {
		c.raise(wire.CauseLoop, c.tooMany())
		return
	}
	c.texted()
	c.enqueue(wire.Message{From: wire.FromParley, Text: s.Settings.HelpReply})
}
