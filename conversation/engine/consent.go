package engine

import (
	"errors"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// consent knows the contact's last wish, and obeys it.
type consent struct {
	still
	*run
	*wire.Consents
}

// out reports whether the contact wants no texts.
func (c *consent) out() bool { return c.OptedOut != nil }

// outcome is how a question ends for a contact who opted out.
func (c *consent) outcome() wire.Outcome {
	return wire.Outcome{Kind: wire.EndOptedOut, Text: c.OptedOut.Text, MessageID: c.OptedOut.MessageID, AcceptedAt: c.OptedOut.Accepted}
}

// since is when the contact last wrote START.
func (c *consent) since() time.Time { return c.OptedIn }

// erased reports whether the contact was erased, and has not written START since.
func (c *consent) erased() bool { return c.OptedOut.Remembered() }

// busy: an opt-out that no record remembers would be forgotten by closing.
func (c *consent) busy() bool { return c.OptedOut != nil && !c.OptedOut.Remembered() }

// heard acts at once on what a text means for consent, and reports whether a text was such words.
func (c *consent) heard(in sms.Inbound) bool {
	if in.Kind != sms.KindText {
		return false
	}
	switch word := meaning(in); {
	case word == sms.MeansStop:
		c.stop(in)
	case word == sms.MeansStart && c.out():
		c.start(in)
	case word == sms.MeansStart:
		if in.AcceptedAt.After(c.OptedIn) {
			c.OptedIn = in.AcceptedAt // should an older wish be brought in
		}
		return false // it is a text like any other
	case word == sms.MeansHelp && !c.out():
		c.help()
	default:
		return false
	}
	return true
}

// stop acts on receipt: what has not left does not leave, and everybody who
// waits for this contact is told.
func (c *consent) stop(in sms.Inbound) {
	if in.AcceptedAt.Before(c.OptedIn) {
		return // it comes late; the contact has written START since
	}
	if c.OptedOut != nil {
		if in.AcceptedAt.After(c.OptedOut.Accepted) {
			c.OptedOut.Accepted = in.AcceptedAt
		}
		return
	}
	c.optOut(wire.OptOut{At: c.now(), Text: in.Text, MessageID: in.ID, Accepted: in.AcceptedAt})
	c.confirm()
}

// confirm says that nothing is sent any more.
func (c *consent) confirm() {
	if c.Settings.OptOutReply != "" {
		c.outbox.offer(wire.Message{From: wire.FromParley, Author: wire.ByParley, Text: c.Settings.OptOutReply, Must: true})
	}
}

// decided acts on a wish that the responder understood from a text.
func (c *consent) decided(in sms.Inbound) {
	c.optOut(wire.OptOut{At: c.now(), Text: in.Text, MessageID: in.ID, Source: wire.FromResponder, Accepted: in.AcceptedAt})
	c.confirm()
}

// onOptOut acts on a wish that was said elsewhere. It is not confirmed by a
// text, and a START that was written later counts.
func (c *consent) onOptOut(e wire.Envelope, o wire.Consent) error {
	if o.At.IsZero() || o.Source == "" {
		return errors.New("optout event without a time and a source")
	}
	if now := c.now(); o.At.After(now) {
		o.At = now // a clock that is ahead must not void a later START
	}
	if c.inbox.knows(e.ID) {
		return nil
	}
	switch {
	case c.OptedOut != nil && !o.At.After(c.OptedOut.Accepted), !o.At.After(c.OptedIn):
	case c.OptedOut != nil:
		c.OptedOut.Accepted = o.At
	default:
		c.touch()
		c.optOut(wire.OptOut{At: c.now(), Text: wire.Cut(o.Words, maxTextBytes), Source: wire.Cut(o.Source, wire.MaxIDBytes), Accepted: o.At})
	}
	return nil
}

// optOut has each part take back what has not left.
func (c *consent) optOut(o wire.OptOut) {
	c.count(metricConsents, "change", "out")
	c.OptedOut = &o
	for _, p := range c.all() {
		p.silence(o)
	}
}

// start acts on a START that is newer than the last STOP: callbacks may arrive
// in any order.
func (c *consent) start(in sms.Inbound) {
	if !in.AcceptedAt.After(c.OptedOut.Accepted) {
		return
	}
	c.count(metricConsents, "change", "in")
	if c.OptedOut.Remembered() {
		c.lift()
	}
	c.OptedOut, c.OptedIn = nil, in.AcceptedAt
	if c.Settings.OptInReply != "" {
		c.outbox.offer(wire.Message{From: wire.FromParley, Author: wire.ByParley, Text: c.Settings.OptInReply})
	}
}

// help answers HELP, unless the network does so itself, and within the bounds
// of all replies.
func (c *consent) help() {
	if c.Settings.HelpReply != "" && !c.outbox.full() {
		c.outbox.offer(wire.Message{From: wire.FromParley, Author: wire.ByParley, Text: c.Settings.HelpReply})
	}
}
