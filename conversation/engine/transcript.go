package engine

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// transcript is what was said, and what became of it.
type transcript struct {
	*run
	*wire.Chronicle
}

// messages are all that it holds, oldest first.
func (t *transcript) messages() []wire.Message { return t.Transcript }

// message is the one with a key; nil if it is gone.
func (t *transcript) message(key string) *wire.Message {
	i := slices.IndexFunc(t.Transcript, func(m wire.Message) bool { return m.Key == key })
	if i < 0 || key == "" {
		return nil
	}
	return &t.Transcript[i]
}

// messageIDs are the carrier's, of texts of ours.
func (t *transcript) messageIDs() []string {
	var ids []string
	for i := range t.Transcript {
		if m := &t.Transcript[i]; m.Key != "" && m.MessageID != "" {
			ids = append(ids, m.MessageID)
		}
	}
	return ids
}

// record adds a message, and keeps the transcript within its bounds.
func (t *transcript) record(m wire.Message) {
	t.archive.add(&m)
	t.Transcript = append(t.Transcript, m)
	size := 0
	for i, m := range slices.Backward(t.Transcript) {
		size += len(m.Text)
		if len(t.Transcript)-i > maxTranscript || size > maxTranscriptBytes {
			t.Evicted += i + 1
			for _, gone := range t.Transcript[:i+1] {
				t.archive.evict(gone)
			}
			t.Transcript = slices.Clone(t.Transcript[i+1:])
			return
		}
	}
}

// dropped records a text that never got as far as the outbox.
func (t *transcript) dropped(m wire.Message, why string) {
	t.LastDropped++ // a count of its own: the keys of what is sent stay what they were
	m.Key, m.Kind, m.At = t.FirstRunID+"-d"+strconv.Itoa(t.LastDropped), sms.KindText, t.now()
	change(&m, sms.StatusDropped, why, t.now())
	t.record(m)
}

// change moves a message's status, never back, and reports whether it moved.
func change(m *wire.Message, status sms.Status, reason string, at time.Time) bool {
	if !m.Status.Before(status) {
		return false
	}
	m.Status, m.Reason, m.StatusAt = status, reason, at
	m.Step(status, reason, at, m.MessageID)
	return true
}

// forward applies a receipt to a message.
func (t *transcript) forward(m *wire.Message, r sms.Receipt) bool {
	if !change(m, r.Status, r.Reason, r.At) {
		return false
	}
	m.Class = r.Class
	t.countReceipt(m)
	return true
}

// onReceipt notes what became of a message: one in the transcript, one that is
// still in flight or in doubt, or one whose acceptance has not been told yet.
func (t *transcript) onReceipt(_ wire.Envelope, r sms.Receipt) error {
	if r.MessageID == "" || len(r.MessageID) > wire.MaxIDBytes {
		return errors.New("receipt event: the message id is missing, or longer than 200 bytes")
	}
	r.Reason, r.Description, r.Reference = wire.Cut(r.Reason, wire.MaxIDBytes), wire.Cut(r.Description, wire.MaxIDBytes), wire.Cut(r.Reference, wire.MaxIDBytes)
	key, _, _ := strings.Cut(r.Key, ".")
	ours := func(m wire.Message) bool { return m.Key != "" && (m.Key == key || m.MessageID == r.MessageID) }
	if i := slices.IndexFunc(t.Transcript, ours); i >= 0 {
		t.onReported(&t.Transcript[i], r)
		return nil
	}
	if !t.outbox.receipt(ours, r) && !t.held.receipt(ours, r) {
		t.keepEarly(r)
	}
	return nil
}

// keepEarly keeps a receipt until the message with its id is known.
func (t *transcript) keepEarly(r sms.Receipt) {
	if len(t.EarlyReceipts) >= maxEarlyReceipts {
		t.EarlyReceipts = t.EarlyReceipts[1:]
		t.Evicted++
	}
	t.EarlyReceipts = append(t.EarlyReceipts, r)
}

// takeEarly applies the receipts that came before the message's id was known.
func (t *transcript) takeEarly(m *wire.Message) {
	t.EarlyReceipts = slices.DeleteFunc(t.EarlyReceipts, func(r sms.Receipt) bool {
		if r.MessageID != m.MessageID {
			return false
		}
		t.forward(m, r)
		return true
	})
}

// onReported notes what became of a message that has left.
func (t *transcript) onReported(m *wire.Message, r sms.Receipt) {
	switch {
	case m.MessageID == "":
		m.MessageID, m.Accepted = r.MessageID, r.AcceptedAt // it was given up in doubt
	case m.MessageID != r.MessageID && sms.StatusFailed.Before(r.Status):
		// An earlier attempt of the same message arrived: so the message did.
	case m.MessageID != r.MessageID:
		return // of an earlier attempt
	}
	if !t.forward(m, r) {
		return
	}
	m.Carrier = r.ConversationID
	t.archive.add(m)
	t.reported(*m)
}

// followUp draws the conclusions from a message whose status became final.
func (t *transcript) followUp(m wire.Message) {
	switch m.Status {
	case sms.StatusFailed:
		if !t.resends.reached(m) && !t.resends.plan(m) {
			t.failForGood(m)
		}
	case sms.StatusDelivered, sms.StatusRead:
		t.resends.arrived(m)
	default:
	}
}

// failForGood says so to everybody who should know.
func (t *transcript) failForGood(m wire.Message) {
	workflow.GetLogger(t.ctx).Warn("A message failed for good",
		"contact", t.ids.Tag(t.Contact), "key", m.Key, "message_id", m.MessageID, "reason", m.Reason, "reference", m.Reference)
	t.count(metricFailed, "reason", m.Label())
	if m.AskID == "" || !t.questions.answered(m.AskID) { // else the contact has read it
		t.errands.fallBack(m)
	}
}
