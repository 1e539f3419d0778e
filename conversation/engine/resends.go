package engine

import (
	"slices"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// resendWaits are the waits before a text that did not arrive is sent once more.
// A phone that is switched off at night is not worth more: a script, or the
// fallback, knows better what to do then.
var resendWaits = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// resends repeat texts that did not arrive; each waits for its time.
type resends struct {
	*run
	*wire.Departures
}

// plan has a text sent once more whose delivery failed for a reason that may pass,
// while that makes sense. It is another message, linked to the first: should both
// arrive after all, the transcript shows why.
func (r *resends) plan(m wire.Message) bool {
	if m.Class != sms.Transient || m.InDoubt == wire.Park || m.Resend >= len(resendWaits) || r.consent.out() || m.At.Before(r.consent.since()) || len(r.Resends) >= maxResendsWaiting {
		return false
	}
	due := r.now().Add(resendWaits[m.Resend])
	if !m.Useful.IsZero() && !due.Before(m.Useful) || m.AskID != "" && !r.questions.mayWait(m.Key, due) {
		return false
	}
	again := r.outbox.draft(wire.Message{
		From: m.From, Text: m.Text, Reference: m.Reference, Useful: m.Useful, InDoubt: m.InDoubt,
		AskID: m.AskID, SayID: m.SayID, ResendOf: m.Key, Resend: m.Resend + 1,
	})
	again.Delivery.NextTry = due
	r.Resends = append(r.Resends, again)
	if m.AskID != "" {
		r.questions.resent(m.Key, again.Key)
	}
	r.count(metricResent, "reason", m.Label())
	return true
}

// waiting reports whether a message waits to be sent once more.
func (r *resends) waiting(key string) bool {
	return r.holds(func(m wire.Message) bool { return m.Key == key })
}

func (r *resends) holds(which func(wire.Message) bool) bool {
	return slices.ContainsFunc(r.Resends, which)
}

// advance puts into the outbox what has waited long enough.
func (r *resends) advance() {
	for i := 0; i < len(r.Resends); {
		m := r.Resends[i]
		switch {
		case r.now().Before(m.Delivery.NextTry) || r.outbox.full():
			i++
		case !m.Useful.IsZero() && !r.now().Before(m.Useful):
			r.drop(i, sms.StatusExpired, "too late to be useful")
		default:
			r.Resends = slices.Delete(r.Resends, i, i+1)
			m.Delivery.NextTry, m.At = time.Time{}, r.now()
			r.outbox.put(m)
		}
	}
}

func (r *resends) deadlines(at func(time.Time, string)) {
	for i := range r.Resends {
		at(r.Resends[i].Delivery.NextTry, "send once more")
	}
}

func (r *resends) busy() bool { return len(r.Resends) > 0 }

func (r *resends) silence(wire.OptOut) {
	for len(r.Resends) > 0 {
		r.drop(0, sms.StatusDropped, reasonOptedOut)
	}
}

// takeBack has a text not sent once more.
func (r *resends) takeBack(key string) {
	if i := slices.IndexFunc(r.Resends, func(m wire.Message) bool { return m.Key == key }); i >= 0 {
		r.drop(i, sms.StatusDropped, reasonTakenBack)
	}
}

// drop ends a message that will not be sent once more.
func (r *resends) drop(i int, status sms.Status, reason string) {
	m := r.Resends[i]
	r.Resends = slices.Delete(r.Resends, i, i+1)
	m.Delivery = nil
	change(&m, status, reason, r.now())
	r.transcript.record(m)
	r.questions.left(m)
}

// chain is the keys of the texts that repeat each other, of which this is one;
// oldest first.
func (r *resends) chain(key string) []string {
	lists := [][]wire.Message{r.transcript.messages(), r.Outbox, r.Resends} // each repeats one before it
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
func (r *resends) arrived(m wire.Message) {
	chain := r.chain(m.Key)
	if len(chain) == 1 {
		return
	}
	r.Resends = slices.DeleteFunc(r.Resends, func(x wire.Message) bool { return x.Key != m.Key && slices.Contains(chain, x.Key) })
	for _, key := range chain {
		if key != m.Key {
			r.outbox.takeBack(key)
		}
	}
	r.questions.arrived(chain, m)
}

// reached reports whether a text that failed has reached the contact all the
// same, as one that repeats it, or that it repeats.
func (r *resends) reached(m wire.Message) bool {
	chain := r.chain(m.Key)
	for _, x := range r.transcript.messages() {
		if slices.Contains(chain, x.Key) && sms.StatusFailed.Before(x.Status) {
			r.questions.arrived(chain, x)
			return true
		}
	}
	return false
}
