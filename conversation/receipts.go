package conversation

import (
	"errors"
	"slices"
	"strings"
	"time"

	"parley/sms"
)

// forward moves a message's status, never back.
func (c *conversation) forward(m *Message, status sms.Status, reason string, at time.Time) bool {
	if !m.Status.Before(status) {
		return false
	}
	m.Status, m.Reason, m.StatusAt = status, reason, at
	return true
}

// onReceipt notes what became of a message: one in the transcript, one that is
// still in flight or in doubt, or one whose acceptance has not been told yet.
func (c *conversation) onReceipt(_ Envelope, r sms.Receipt) error {
	if r.MessageID == "" || len(r.MessageID) > maxIDBytes {
		return errors.New("receipt without a message id, or with one that is none")
	}
	r.Reason, r.Description = cut(r.Reason, maxIDBytes), cut(r.Description, maxIDBytes)
	s := c.state
	key, _, _ := strings.Cut(r.Key, ".")
	ours := func(m Message) bool { return m.Key != "" && (m.Key == key || m.MessageID == r.MessageID) }
	if i := slices.IndexFunc(s.Transcript, ours); i >= 0 {
		m := &s.Transcript[i]
		if m.MessageID != "" && m.MessageID != r.MessageID {
			return nil // of an earlier attempt of the same message
		}
		if c.forward(m, r.Status, r.Reason, r.At) {
			m.Carrier = r.ConversationID
			c.questionReported(m)
		}
		return nil
	}
	if i := slices.IndexFunc(s.Outbox, ours); i >= 0 {
		m := &s.Outbox[i]
		if r.Status == sms.StatusFailed && r.Key != "" && r.Key != m.sendKey() {
			return nil // an earlier attempt failed; the one under way may not
		}
		m.MessageID, m.Accepted, m.Carrier = r.MessageID, r.AcceptedAt, r.ConversationID
		c.forward(m, r.Status, r.Reason, r.At)
		if (c.sending == nil || c.sending.key != m.Key) && sms.StatusUnknown.Before(m.Status) {
			c.leave(i)
		}
		return nil
	}
	if len(s.EarlyReceipts) >= maxEarlyReceipts {
		s.EarlyReceipts = s.EarlyReceipts[1:]
		s.Evicted++
	}
	s.EarlyReceipts = append(s.EarlyReceipts, r)
	return nil
}
