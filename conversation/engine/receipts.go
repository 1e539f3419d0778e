package engine

import (
	"errors"
	"slices"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// change moves a message's status, never back, and reports whether it moved.
func (c *conversation) change(m *wire.Message, status sms.Status, reason string, at time.Time) bool {
	if !m.Status.Before(status) {
		return false
	}
	m.Status, m.Reason, m.StatusAt = status, reason, at
	m.Step(status, reason, at, m.MessageID)
	return true
}

// forward applies a receipt to a message.
func (c *conversation) forward(m *wire.Message, r sms.Receipt) bool {
	if !c.change(m, r.Status, r.Reason, r.At) {
		return false
	}
	m.Class = r.Class
	c.countReceipt(m)
	return true
}

// onReceipt notes what became of a message: one in the transcript, one that is
// still in flight or in doubt, or one whose acceptance has not been told yet.
func (c *conversation) onReceipt(_ wire.Envelope, r sms.Receipt) error {
	if r.MessageID == "" || len(r.MessageID) > wire.MaxIDBytes {
		return errors.New("receipt event: the message id is missing, or longer than 200 bytes")
	}
	r.Reason, r.Description, r.Reference = wire.Cut(r.Reason, wire.MaxIDBytes), wire.Cut(r.Description, wire.MaxIDBytes), wire.Cut(r.Reference, wire.MaxIDBytes)
	s := c.state
	key, _, _ := strings.Cut(r.Key, ".")
	ours := func(m wire.Message) bool { return m.Key != "" && (m.Key == key || m.MessageID == r.MessageID) }
	if i := slices.IndexFunc(s.Transcript, ours); i >= 0 {
		c.onReported(&s.Transcript[i], r)
		return nil
	}
	if i := slices.IndexFunc(s.Outbox, ours); i >= 0 {
		m := &s.Outbox[i]
		if r.Status == sms.StatusFailed && r.Key != "" && r.Key != m.SendKey() {
			// An earlier attempt failed; the one under way may not, or may find that one.
			c.keepEarly(r)
			return nil
		}
		m.MessageID, m.Accepted, m.Carrier = r.MessageID, r.AcceptedAt, r.ConversationID
		c.forward(m, r)
		if m.Delivery.Doubt && c.sending != nil && c.sending.key == m.Key && m.Status.Settled() {
			c.sending.cancel() // the doubt is settled: an attempt in back-off is not made any more
		}
		if (c.sending == nil || c.sending.key != m.Key) && m.Status.Settled() {
			c.leave(i)
		}
		return nil
	}
	c.keepEarly(r)
	return nil
}

// keepEarly keeps a receipt until the message with its id is known.
func (c *conversation) keepEarly(r sms.Receipt) {
	s := c.state
	if len(s.EarlyReceipts) >= maxEarlyReceipts {
		s.EarlyReceipts = s.EarlyReceipts[1:]
		s.Evicted++
	}
	s.EarlyReceipts = append(s.EarlyReceipts, r)
}

// onReported notes what became of a message that has left.
func (c *conversation) onReported(m *wire.Message, r sms.Receipt) {
	switch {
	case m.MessageID == "":
		m.MessageID, m.Accepted = r.MessageID, r.AcceptedAt // it was given up in doubt
	case m.MessageID != r.MessageID && sms.StatusFailed.Before(r.Status):
		// An earlier attempt of the same message arrived: so the message did.
	case m.MessageID != r.MessageID:
		return // of an earlier attempt
	}
	if !c.forward(m, r) {
		return
	}
	m.Carrier = r.ConversationID
	c.toArchive(m)
	after := *m               // the transcript may move
	if after.Status.Final() { // it is known after all what became of it
		c.unpark(func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == after.Key })
	}
	c.followUp(after)
	c.questionReported(after)
}
