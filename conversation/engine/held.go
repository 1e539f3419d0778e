package engine

import (
	"slices"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// held are texts that wait for their time beside the outbox, where they hold up
// nobody.
type held struct {
	*run
	*wire.Departures
}

// hold keeps a message until a time.
func (h *held) hold(m wire.Message, until time.Time, why string) {
	m.Delivery.NextTry, m.Delivery.Why = until, why
	h.Held = append(h.Held, m)
}

// advance puts into the outbox what has waited long enough.
func (h *held) advance() {
	for i := 0; i < len(h.Held); {
		m := &h.Held[i]
		if h.now().Before(m.Delivery.NextTry) {
			i++
			continue
		}
		switch r := h.gate.ask(m); {
		case r.never != "":
			h.questions.refused(m.Key, r)
			h.drop(i, r.never, r.why)
		case r.goes():
			due := *m
			h.Held = slices.Delete(h.Held, i, i+1)
			due.Delivery.NextTry, due.Delivery.Why, due.At = time.Time{}, "", h.now()
			h.outbox.put(due)
		default:
			m.Delivery.NextTry, m.Delivery.Why = r.until, r.why
			i++
		}
	}
}

func (h *held) deadlines(at func(time.Time, string)) {
	for i := range h.Held {
		at(h.Held[i].Delivery.NextTry, "send what waits")
	}
}

func (h *held) busy() bool { return len(h.Held) > 0 }

func (h *held) silence(wire.OptOut) {
	for len(h.Held) > 0 {
		h.drop(0, sms.StatusDropped, reasonOptedOut)
	}
}

// waiting reports whether a message waits here.
func (h *held) waiting(key string) bool {
	return h.holds(func(m wire.Message) bool { return m.Key == key })
}

func (h *held) holds(which func(wire.Message) bool) bool { return slices.ContainsFunc(h.Held, which) }

// receipt settles a text that may have been taken before it had to wait, and reports
// whether it is about one that is here.
func (h *held) receipt(ours func(wire.Message) bool, r sms.Receipt) bool {
	i := slices.IndexFunc(h.Held, ours)
	if i < 0 || !h.Held[i].Delivery.Doubt {
		return false
	}
	m := h.Held[i]
	m.MessageID, m.Accepted, m.Carrier = r.MessageID, r.AcceptedAt, r.ConversationID
	if h.transcript.forward(&m, r) && m.Status.Settled() {
		m.Delivery = nil
		h.Held = slices.Delete(h.Held, i, i+1)
		h.left(m)
	}
	return true
}

// messages are all that wait here.
func (h *held) messages() []wire.Message { return h.Held }

// forget lets go of a message that nobody need hear of any more: another one arrived
// in its place.
func (h *held) forget(key string) {
	h.Held = slices.DeleteFunc(h.Held, func(m wire.Message) bool { return m.Key == key })
}

// takeBack has a message not sent.
func (h *held) takeBack(key string) {
	if i := slices.IndexFunc(h.Held, func(m wire.Message) bool { return m.Key == key }); i >= 0 {
		h.drop(i, sms.StatusDropped, reasonTakenBack)
	}
}

// drop ends a message that will not be sent.
func (h *held) drop(i int, status sms.Status, reason string) {
	m := h.Held[i]
	h.Held = slices.Delete(h.Held, i, i+1)
	if m.Delivery.Doubt {
		m.Reason = reason // its status says already that nobody knows
	} else {
		change(&m, status, reason, h.now())
	}
	m.Delivery = nil
	h.transcript.record(m)
	h.questions.left(m)
}
