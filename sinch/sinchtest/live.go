package sinchtest

import (
	"slices"
	"time"
)

// step is one step of a message's way to the phone, and the callback that says so.
type step struct {
	delay   time.Duration
	trigger string
	status  Status
}

// steps are MESSAGE_SUBMIT, QUEUED_ON_CHANNEL, then DELIVERED or FAILED.
func (s *Server) steps(failed *failure) []step {
	steps := []step{
		{s.opts.Delays.Submit, TriggerSubmit, Accepted},
		{s.opts.Delays.OnChannel, TriggerDelivery, QueuedOnChannel},
		{s.opts.Delays.Final, TriggerDelivery, Delivered},
	}
	switch {
	case failed != nil && failed.channelCode == "":
		// Refused between our queue and the channel, so it was never on the channel.
		return []step{steps[0], {s.opts.Delays.OnChannel, TriggerDelivery, Failed}}
	case failed != nil:
		steps[2].status = Failed
	}
	return steps
}

// live lets an accepted message reach the phone, or not, and calls the webhooks
// on the way. A message that is not at its end when its ttl is fails there and
// then. It returns when each callback was tried once.
func (s *Server) live(r *record, failed *failure, plan plan) {
	var late []func() <-chan struct{}
	final := false
	for i, step := range s.steps(failed) {
		if final {
			break // it expired on the way
		}
		if i == 1 {
			s.stray(r, plan.strays)
		}
		if left, bounded := s.left(r); bounded && left < step.delay && step.trigger == TriggerDelivery {
			step.delay, step.status, failed = left, Failed, expired
		}
		if !s.sleep(step.delay) {
			return
		}
		said := s.advance(r, step.trigger, step.status, failed)
		final = step.status == Delivered || step.status == Failed
		if plan.receipts == NoReceipts || (plan.receipts == NoFinalReceipts && final) {
			continue
		}
		call := func() <-chan struct{} { return s.callback(r, said) }
		if plan.reverse {
			late = append(late, call)
			continue
		}
		// One after the other, but nobody waits for retries: Sinch promises no
		// order, and a test of faults asks for "reverse" or "delay".
		<-call()
	}
	for _, call := range slices.Backward(late) {
		<-call()
	}
}

// expired is how a message ends whose ttl was over before it was delivered.
var expired = &failure{code: "MESSAGE_EXPIRED", description: "The message expired before it was delivered"}

// left is how much of a message's ttl is left, if it has one.
func (s *Server) left(r *record) (left time.Duration, bounded bool) {
	return r.expiresAt.Sub(s.opts.Now()), !r.expiresAt.IsZero()
}

// advance gives a message its next status, and returns the notice that says so.
func (s *Server) advance(r *record, trigger string, status Status, failed *failure) notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now().UTC()
	event := s.told(now)
	r.Status, r.StatusAt = status, now
	if status == Failed {
		r.Reason, r.Description, r.channelCode = failed.code, failed.description, failed.channelCode
	}
	s.note(change{message: r})
	if trigger == TriggerSubmit {
		return notice{trigger: trigger, body: s.submitBody(r, event)}
	}
	return notice{trigger: trigger, status: status, body: encode(s.receipt(r, event))}
}
