package engine

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// resendWaits are the waits before a text that did not arrive is sent once more.
// A phone that is switched off at night is not worth more: a script, or the
// fallback, knows better what to do then.
var resendWaits = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// followUp draws the conclusions from a message of the transcript whose status
// became final.
func (c *conversation) followUp(m wire.Message) {
	switch m.Status {
	case sms.StatusFailed:
		if !c.reached(m) && !c.resend(m) {
			c.failForGood(m)
		}
	case sms.StatusDelivered, sms.StatusRead:
		c.arrived(m)
	default:
	}
}

// resend plans to send a text once more whose delivery failed for a reason that
// may pass, while that makes sense. It is another message, linked to the first:
// should both arrive after all, the transcript shows why.
func (c *conversation) resend(m wire.Message) bool {
	s := c.state
	if m.Class != sms.Transient || m.InDoubt == wire.Park || m.Resend >= len(resendWaits) || s.OptedOut != nil || m.At.Before(s.OptedIn) || len(s.Resends) >= maxResendsWaiting {
		return false
	}
	due := c.now().Add(resendWaits[m.Resend])
	if !m.Useful.IsZero() && !due.Before(m.Useful) {
		return false
	}
	var question *wire.PendingQuestion
	if m.AskID != "" {
		i := slices.IndexFunc(s.Questions, func(q wire.PendingQuestion) bool { return q.Key == m.Key })
		if i < 0 || s.Questions[i].Open() && !due.Before(s.QuestionDeadline(&s.Questions[i])) {
			return false
		}
		question = &s.Questions[i]
	}
	again := c.draft(wire.Message{
		From: m.From, Text: m.Text, Reference: m.Reference, Useful: m.Useful, InDoubt: m.InDoubt,
		AskID: m.AskID, SayID: m.SayID, ResendOf: m.Key, Resend: m.Resend + 1,
	})
	again.Delivery.NextTry = due
	s.Resends = append(s.Resends, again)
	if question != nil { // nobody has seen it yet: texts are no answers to it
		question.Key, question.AcceptedAt, question.OpenSince = again.Key, time.Time{}, time.Time{}
	}
	c.count(metricResent, "reason", m.Label())
	return true
}

// resending reports whether a message waits to be sent once more.
func (c *conversation) resending(key string) bool {
	return slices.ContainsFunc(c.state.Resends, func(m wire.Message) bool { return m.Key == key })
}

// releaseResends puts into the outbox what has waited long enough.
func (c *conversation) releaseResends() {
	s := c.state
	for i := 0; i < len(s.Resends); {
		m := s.Resends[i]
		switch {
		case c.now().Before(m.Delivery.NextTry) || len(s.Outbox) >= maxOutbox:
			i++
		case !m.Useful.IsZero() && !c.now().Before(m.Useful):
			c.dropResend(i, sms.StatusExpired, "too late to be useful")
		default:
			s.Resends = slices.Delete(s.Resends, i, i+1)
			m.Delivery.NextTry, m.At = time.Time{}, c.now()
			s.Outbox = append(s.Outbox, m)
		}
	}
}

// dropResend ends a message that will not be sent once more.
func (c *conversation) dropResend(i int, status sms.Status, reason string) {
	m := c.state.Resends[i]
	c.state.Resends = slices.Delete(c.state.Resends, i, i+1)
	m.Delivery = nil
	c.change(&m, status, reason, c.now())
	c.record(m)
	c.questionLeft(m)
}

// chain is the keys of the texts that repeat each other, of which this is one;
// oldest first.
func (c *conversation) chain(key string) []string {
	s := c.state
	lists := [][]wire.Message{s.Transcript, s.Outbox, s.Resends} // each repeats one before it
	for _, list := range slices.Backward(lists) {
		for i := range slices.Backward(list) {
			if m := &list[i]; m.Key == key && m.ResendOf != "" {
				key = m.ResendOf
			}
		}
	}
	chain := []string{key}
	for _, list := range lists {
		for i := range list {
			if m := &list[i]; m.ResendOf != "" && slices.Contains(chain, m.ResendOf) {
				chain = append(chain, m.Key)
			}
		}
	}
	return chain
}

// arrived takes back what a late "delivered" makes superfluous: all that repeats
// the text and has not left.
func (c *conversation) arrived(m wire.Message) {
	s := c.state
	chain := c.chain(m.Key)
	if len(chain) == 1 {
		return
	}
	superfluous := func(x wire.Message) bool { return x.Key != m.Key && slices.Contains(chain, x.Key) }
	s.Resends = slices.DeleteFunc(s.Resends, superfluous)
	for i := range s.Outbox {
		if superfluous(s.Outbox[i]) {
			s.Outbox[i].Delivery.TakenBack = true
			if c.sending != nil && c.sending.key == s.Outbox[i].Key {
				c.sending.cancel()
			}
		}
	}
	c.questionArrived(chain, m)
}

// questionArrived notes that the contact has a question's text, whichever of
// those that repeat it.
func (c *conversation) questionArrived(chain []string, m wire.Message) {
	i := slices.IndexFunc(c.state.Questions, func(q wire.PendingQuestion) bool { return q.Key != "" && slices.Contains(chain, q.Key) })
	if i < 0 {
		return
	}
	q := &c.state.Questions[i]
	q.Key, q.Delivered = m.Key, wire.Delivered
	if !q.Open() {
		c.questionLeft(m)
	}
}

// reached reports whether a text that failed has reached the contact all the
// same, as one that repeats it, or that it repeats.
func (c *conversation) reached(m wire.Message) bool {
	chain := c.chain(m.Key)
	i := slices.IndexFunc(c.state.Transcript, func(x wire.Message) bool { return slices.Contains(chain, x.Key) && sms.StatusFailed.Before(x.Status) })
	if i >= 0 {
		c.questionArrived(chain, c.state.Transcript[i])
	}
	return i >= 0
}

// failForGood says so to everybody who should know.
func (c *conversation) failForGood(m wire.Message) {
	workflow.GetLogger(c.ctx).Warn("A message failed for good",
		"contact", c.ids.Tag(c.state.Contact), "key", m.Key, "message_id", m.MessageID, "reason", m.Reason, "reference", m.Reference)
	c.count(metricFailed, "reason", m.Label())
	if m.AskID != "" && slices.ContainsFunc(c.state.Outcomes, func(o wire.Ended) bool { return o.ID == m.AskID && o.Outcome.Kind == wire.EndAnswered }) {
		return // the contact has read it
	}
	c.fallBack(m)
}

// fallBack has a text handed to the fallback, if there is one, and if nobody may
// still have it sent.
func (c *conversation) fallBack(m wire.Message) {
	parked := slices.ContainsFunc(c.state.Parked, func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == m.Key })
	if c.state.Settings.Fallback && !m.Must && !parked {
		e := wire.Errand{Kind: wire.ErrandFallback, Of: m.Key}
		if c.message(m.Key) == nil {
			e.Text = c.undelivered(m)
		}
		c.sendOn(e)
	}
}
