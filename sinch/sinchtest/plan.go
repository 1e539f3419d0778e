package sinchtest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"parley/sms"
)

// A plan is what goes wrong with one call.
type plan struct {
	slow   time.Duration // pass before anything else
	answer OneShot       // the fault of the answer; without a name the answer is right

	// Sends only.
	callbacksFirst bool
	reverse        bool
	fail           string // the reason
	receipts       Receipts
	strays         []string // faults that add receipts
}

// plan throws the dice for one call. A fault from Next takes the place of all
// rates that decide how the call is answered.
func (s *Server) plan(on Operation, to sms.Number) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.faults
	p := plan{receipts: f.Receipts}
	if on == OnSend {
		s.throwDelivery(&p, to)
	}
	if next, ok := f.take(on, to); ok {
		p.add(f, next)
		return p
	}
	for _, fault := range s.throwAnswer(on) {
		// 503 is what an error without a status is.
		if fault.Status == 0 || fault.Status == http.StatusTooManyRequests || fault.Status == http.StatusServiceUnavailable {
			fault.RetryAfter, fault.RetryAfterDate = f.RetryAfter, f.RetryAfterDate
		}
		p.add(f, fault)
	}
	return p
}

// add makes a fault part of the plan.
func (p *plan) add(f *Faults, fault OneShot) {
	switch fault.Fault {
	case FaultSlow:
		p.slow = time.Duration(cmp.Or(fault.For, f.SlowFor, Duration(2*time.Second)))
	case FaultCallbacksFirst:
		p.callbacksFirst = true
	case FaultReverse:
		p.reverse = true
	case FaultFail:
		p.fail = cmp.Or(fault.Reason, defaultFailure)
	case FaultOtherNumber, FaultForeignMetadata, FaultUnknownStatus:
		p.strays = append(p.strays, fault.Fault)
	case FaultNoReceipts:
		p.receipts = NoReceipts
	case FaultAcceptThenHang:
		fault.For = cmp.Or(fault.For, f.HangFor)
		p.answer = fault
	case FaultTrickle:
		fault.For = cmp.Or(fault.For, f.TrickleFor, Duration(4*time.Second))
		p.answer = fault
	default:
		p.answer = fault
	}
}

// throwDelivery decides what becomes of a send once it is accepted. The caller
// holds the lock.
func (s *Server) throwDelivery(p *plan, to sms.Number) {
	f := &s.faults
	p.fail = f.FailNumbers[to]
	if p.fail == "" && s.dice.hit(f.Fail) {
		p.fail = cmp.Or(f.FailReason, defaultFailure)
	}
	p.reverse = s.dice.hit(f.Callbacks.Reverse)
	p.callbacksFirst = s.dice.hit(f.CallbacksFirst)
	for _, stray := range []struct {
		name string
		rate float64
	}{
		{FaultOtherNumber, f.Strays.OtherNumber},
		{FaultForeignMetadata, f.Strays.ForeignMetadata},
		{FaultUnknownStatus, f.Strays.UnknownStatus},
	} {
		if s.dice.hit(stray.rate) {
			p.strays = append(p.strays, stray.name)
		}
	}
}

// throwAnswer decides how a call is answered. The caller holds the lock.
func (s *Server) throwAnswer(on Operation) (thrown []OneShot) {
	f := &s.faults
	var rates map[int]float64
	switch on {
	case OnSend:
		rates = f.Errors
	case OnToken:
		rates = f.TokenErrors
	default:
		rates = f.ReadErrors
	}
	if status, ok := pick(s.dice, rates); ok {
		return []OneShot{{Fault: FaultError, Status: status}}
	}
	if on != OnToken && s.dice.hit(f.RevokeTokens) {
		return []OneShot{{Fault: FaultRevoke}}
	}
	if s.dice.hit(f.Slow) {
		thrown = append(thrown, OneShot{Fault: FaultSlow})
	}
	if name, ok := pick(s.dice, f.Answers[on]); ok {
		return append(thrown, OneShot{Fault: name})
	}
	if on != OnSend {
		return thrown
	}
	for _, fault := range []struct {
		name string
		rate float64
	}{
		{FaultResetBefore, f.ResetBefore},
		{FaultAcceptThen500, f.AcceptThen500},
		{FaultAcceptThenHang, f.AcceptThenHang},
		{FaultResetAfter, f.ResetAfter},
	} {
		if s.dice.hit(fault.rate) {
			return append(thrown, OneShot{Fault: fault.name})
		}
	}
	return thrown
}

// take uses up the first waiting fault that fits, of those names if there are any.
func (f *Faults) take(on Operation, phone sms.Number, names ...string) (OneShot, bool) {
	for i, next := range f.Next {
		if next.On != on || next.To != "" && next.To != phone || len(names) > 0 && !slices.Contains(names, next.Fault) {
			continue
		}
		if f.Next[i].Times--; f.Next[i].Times <= 0 {
			f.Next = slices.Delete(f.Next, i, i+1)
		}
		return next, true
	}
	return OneShot{}, false
}
