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

// resends repeat texts that did not arrive. They have no state: a text that repeats
// another one says so.
type resends struct{ *run }

// plan has a text sent once more whose delivery failed for a reason that may pass,
// while that makes sense. It is another message, linked to the first: should both
// arrive after all, the transcript shows why.
func (r *resends) plan(m wire.Message) bool {
	if m.Class != sms.Transient || m.InDoubt == wire.Park || m.Resend >= len(resendWaits) || r.consent.out() || m.At.Before(r.consent.since()) || r.waiting() >= maxResendsWaiting {
		return false
	}
	due := r.now().Add(resendWaits[m.Resend])
	if !m.Useful.IsZero() && !due.Before(m.Useful) || m.AskID != "" && !r.questions.mayWait(m.Key, due) {
		return false
	}
	again := r.outbox.draft(wire.Message{
		From: m.From, Author: m.Author, Text: m.Text, Reference: m.Reference, Useful: m.Useful, InDoubt: m.InDoubt, Epoch: m.Epoch,
		AskID: m.AskID, SayID: m.SayID, ResendOf: m.Key, Resend: m.Resend + 1,
	})
	r.held.hold(again, due, "it did not arrive, and is sent once more")
	if m.AskID != "" {
		r.questions.resent(m.Key, again.Key)
	}
	r.count(metricResent, "reason", m.Label())
	return true
}

func (r *resends) waiting() int {
	n := 0
	for _, m := range r.held.messages() {
		if m.ResendOf != "" {
			n++
		}
	}
	return n
}

// chain is the keys of the texts that repeat each other, of which this is one;
// oldest first.
func (r *resends) chain(key string) []string {
	lists := [][]wire.Message{r.transcript.messages(), r.outbox.messages(), r.held.messages()} // each repeats one before it
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
	for _, key := range chain {
		if key != m.Key {
			r.held.forget(key)
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
