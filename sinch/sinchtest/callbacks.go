package sinchtest

import (
	"cmp"
	"slices"
	"time"

	"parley/sms"
)

// The triggers that matter for two-way SMS.
const (
	TriggerInbound  = "MESSAGE_INBOUND"
	TriggerSubmit   = "MESSAGE_SUBMIT"
	TriggerDelivery = "MESSAGE_DELIVERY"
)

// notice is what a callback says.
type notice struct {
	trigger string
	status  Status // of a receipt
	body    []byte
	stray   bool
}

// callback sends a notice to every webhook that wants it, each on its own, and
// returns a channel that is closed when each was tried once.
func (s *Server) callback(r *record, n notice) <-chan struct{} {
	s.mu.Lock()
	var deliveries []*delivery
	for _, hook := range s.webhooksFor(r, n.trigger) {
		d := &delivery{record: r, index: len(r.Callbacks), hook: hook, body: n.body, tried: make(chan struct{})}
		if !n.stray { // whoever asks for a fault means the callbacks that are right
			s.drawFaults(d, n.trigger)
		}
		r.Callbacks = append(r.Callbacks, Callback{
			Trigger: n.trigger, Status: n.status, Target: hook.Target, Done: d.dropped, Dropped: d.dropped, Stray: n.stray,
		})
		if d.dropped {
			continue
		}
		s.stats.Open++
		deliveries = append(deliveries, d)
	}
	s.mu.Unlock()

	tried := make(chan struct{})
	for _, d := range deliveries {
		s.goWork(func() {
			defer s.finished()
			s.deliver(d)
		})
	}
	started := s.goWork(func() {
		defer close(tried)
		for _, d := range deliveries {
			select {
			case <-d.tried:
			case <-s.ctx.Done():
			}
		}
	})
	if !started {
		close(tried)
	}
	return tried
}

// webhooksFor returns whom to call. Sinch documents that a send's callback_url
// takes the place of the webhooks for its receipts. The caller holds the lock.
func (s *Server) webhooksFor(r *record, trigger string) []Webhook {
	if r.callbackURL != "" && trigger == TriggerDelivery {
		return []Webhook{{Target: r.callbackURL, Secret: s.opts.CallbackURLSecret}}
	}
	var hooks []Webhook
	for _, hook := range s.webhooks {
		if hook.TargetType != targetDismiss && slices.Contains(hook.Triggers, trigger) {
			hooks = append(hooks, hook)
		}
	}
	return hooks
}

// drawFaults decides what goes wrong with a callback. The caller holds the lock.
func (s *Server) drawFaults(d *delivery, trigger string) {
	f := &s.faults
	late := time.Duration(cmp.Or(f.Callbacks.DelayFor, Duration(2*time.Second)))
	d.duplicate, d.resigned = s.dice.hit(f.Callbacks.Duplicate), s.dice.hit(f.Callbacks.Resigned)
	if s.dice.hit(f.Callbacks.Delay) {
		d.delay = late
	}
	// A carrier that loses texts cannot be told from a person who did not
	// write, so there would be nothing to test.
	d.dropped = trigger != TriggerInbound && s.dice.hit(f.Callbacks.Drop)
	next, ok := f.take(OnCallback, d.record.Phone, faultsOfDelivery...)
	if !ok {
		return
	}
	switch next.Fault {
	case FaultDuplicate:
		d.duplicate = true
	case FaultResigned:
		d.resigned = true
	case FaultDelay:
		d.delay = cmp.Or(time.Duration(next.For), late)
	case FaultDrop:
		d.dropped = true
	}
}

// misdated is how far from the time a text from a phone is dated. The caller
// holds the lock.
func (s *Server) misdated(from sms.Number) time.Duration {
	f := &s.faults
	by := cmp.Or(f.Callbacks.FutureBy, Duration(time.Hour))
	ahead := s.dice.hit(f.Callbacks.Future)
	next, ok := f.take(OnCallback, from, faultsOfDating...)
	switch {
	case ok && next.Fault == FaultPast:
		return -time.Duration(cmp.Or(next.For, by))
	case ok:
		return time.Duration(cmp.Or(next.For, by))
	case ahead:
		return time.Duration(by)
	}
	return 0
}

// acknowledge works out what the webhooks made of a text. The caller holds the lock.
func (s *Server) acknowledge(r *record, now time.Time) {
	r.Attempts = 0
	open, lost := 0, 0
	for _, c := range r.Callbacks {
		if c.Trigger != TriggerInbound {
			continue
		}
		r.Attempts += c.Attempts
		switch {
		case c.AnsweredAt != nil:
		case c.Done:
			lost++
		default:
			open++
		}
	}
	switch {
	case r.AcknowledgedAt != nil || open > 0:
	case lost > 0:
		r.Status, r.StatusAt = Lost, now
	default:
		s.acks++
		s.stats.Acknowledged++
		r.Status, r.StatusAt, r.AcknowledgedAt, r.AcknowledgedOrder = Acknowledged, now, &now, s.acks
	}
}
