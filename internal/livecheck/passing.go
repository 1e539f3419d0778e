package livecheck

import (
	"context"
	"fmt"
	"time"
)

// settlePassing settles what every check tells in passing.
func (r *Run) settlePassing(ctx context.Context) {
	r.settleRefused(ctx)
	if ctx.Err() == nil {
		r.settleOrder(ctx)
	}
	r.settleClock()
	r.settleToken()
	r.settleRetryAfter()
	r.settleHost()
	r.settleOthers()
	r.settleDuplicates()
}

// settleRefused sees whether the callback that was answered 401 came again.
func (r *Run) settleRefused(ctx context.Context) {
	tries := func() []arrival {
		return r.inbox.find(0, func(a arrival) bool {
			return a.callback.Submit != nil && a.callback.CorrelationID == r.text.reference && r.text.id != ""
		})
	}
	if !r.open(refusedCallback) || r.text.id == "" {
		return
	}
	first := tries()
	if len(first) == 0 {
		r.unseen("no MESSAGE_SUBMIT came, which would have been refused", refusedCallback)
		return
	}
	left := r.check.Waits.Refused - time.Since(first[0].at)
	again := func() bool { return len(tries()) > 1 }
	if left > 0 && !again() && ctx.Err() == nil {
		r.wait(ctx, "Nothing to do: a callback that was refused with 401 may come again", left, again)
	}
	all := tries()
	if passed := time.Since(all[0].at); len(all) == 1 && passed < r.check.Waits.Refused {
		r.unseen("not again within "+round(passed).String()+", which is short", refusedCallback)
		return
	}
	f := finding{fact: "not again within " + round(time.Since(all[0].at)).String(), evidence: evidence(all)}
	if len(all) > 1 {
		f.fact = "again after " + round(all[1].at.Sub(all[0].at)).String()
		f.readings = []reading{otherwise("retry_refused", true)}
	}
	r.settle(refusedCallback, f)
}

const clocksApart = 30 * time.Second

func (r *Run) settleClock() {
	ahead, within, known := r.watch.clock()
	if !known {
		r.unseen("Sinch's answers have no Date", clocks)
		return
	}
	where := "ahead"
	if ahead < 0 {
		where = "behind"
	}
	f := finding{fact: fmt.Sprintf("it is %s %s, give or take %s", round(ahead.Abs()), where, round(within))}
	if ahead.Abs() > clocksApart {
		f.readings = []reading{otherwise("clock", ahead.Round(time.Second).String())}
	}
	r.settle(clocks, f)
}

func (r *Run) settleToken() {
	r.watch.mu.Lock()
	lifetime := time.Duration(r.watch.expiresIn * float64(time.Second))
	r.watch.mu.Unlock()
	switch {
	case lifetime == 0:
		r.unseen("the token does not say how long it lives", tokenLifetime)
	case (lifetime - time.Hour).Abs() > time.Minute:
		r.settle(tokenLifetime, finding{readings: []reading{inWords(lifetime.String())}, fact: "expires_in is " + lifetime.String()})
	default:
		r.settle(tokenLifetime, finding{fact: "expires_in is " + lifetime.String()})
	}
}

func (r *Run) settleRetryAfter() {
	r.watch.mu.Lock()
	throttled, header := r.watch.throttled, r.watch.retryAfter
	r.watch.mu.Unlock()
	switch {
	case throttled == 0:
		r.unseen("no answer was 429", retryAfter)
	case header != "":
		r.settle(retryAfter, finding{readings: []reading{inWords("Retry-After: " + header)}, fact: "429 with it"})
	default:
		r.settle(retryAfter, finding{fact: "429 without it"})
	}
}

func (r *Run) settleHost() {
	if r.region() != "br" || r.check.Sinch.AuthURL != "" {
		r.unprobed("needs an app in region br", authHost)
		return
	}
	r.settle(authHost, finding{fact: "its token is taken in br"})
}

func (r *Run) settleOthers() {
	r.inbox.mu.Lock()
	others := r.inbox.others
	r.inbox.mu.Unlock()
	if others == 0 {
		r.unseen("no other program's text had a receipt meanwhile", otherReceipts)
		return
	}
	r.settle(otherReceipts, finding{fact: fmt.Sprintf("%d receipts of texts to other phones", others)})
}

func (r *Run) settleDuplicates() {
	taken := r.inbox.find(0, func(a arrival) bool { return a.status/100 == 2 })
	twice := r.inbox.find(0, func(a arrival) bool { return a.duplicate })
	switch {
	case len(taken) == 0:
		r.unseen("no callback came", duplicates)
	case len(twice) > 0:
		r.settle(duplicates, finding{readings: []reading{inWords("again")}, fact: fmt.Sprintf("%d came again", len(twice)), evidence: evidence(twice)})
	default:
		r.settle(duplicates, finding{fact: fmt.Sprintf("each of %d came once", len(taken))})
	}
}
