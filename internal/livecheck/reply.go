package livecheck

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/sinch"
)

// takeReply takes a text from the phone, and refuses it for a while.
func (r *Run) takeReply(ctx context.Context) {
	mine := []int{retrySchedule, retrySignature, callbackTimeout, correlation}
	waits := r.check.Waits
	from := r.inbox.count()
	retries, holds := r.open(retrySchedule) || r.open(retrySignature), r.open(callbackTimeout)
	var id string
	var until time.Time
	before := r.inbox.answer
	r.inbox.answering(func(a *arrival) order {
		m := a.callback.Message
		if m == nil && before != nil {
			return before(a)
		}
		if m == nil || id != "" && m.ID != id {
			return order{status: http.StatusOK}
		}
		first := id == ""
		if first {
			id, until = m.ID, a.at.Add(waits.Retry)
			if holds {
				until = until.Add(waits.Hold)
			}
		}
		switch {
		case first && holds:
			return order{status: http.StatusServiceUnavailable, hold: waits.Hold}
		case retries && a.at.Before(until):
			return order{status: http.StatusServiceUnavailable}
		}
		return order{status: http.StatusOK}
	})
	// The tries of the first text; what the phone sends later is another one.
	tries := func() []arrival {
		messages := r.messages(from)
		if len(messages) == 0 {
			return nil
		}
		return r.inbox.find(from, func(a arrival) bool {
			return a.callback.Message != nil && a.callback.Message.ID == messages[0].callback.Message.ID
		})
	}
	if !r.wait(ctx, "Text back: hello", waits.Person, func() bool { return len(tries()) > 0 }) {
		r.unprobed("no text came from the phone", mine...)
		return
	}
	r.settleCorrelation(tries()[0])
	if holds {
		r.settleTimeout(ctx, tries)
	}
	if retries {
		r.settleRetries(ctx, tries)
	}
}

func (r *Run) settleCorrelation(a arrival) {
	f := finding{fact: "it does", evidence: []string{a.evidence()}}
	switch {
	case r.text.id == "":
		r.unprobed("needs the text that goes before", correlation)
		return
	case r.app.Source() == "":
		r.unprobed(noList, correlation)
		return
	case a.callback.CorrelationID == "":
		f.fact, f.readings = "it is empty", []reading{inWords("without it")}
	case a.callback.CorrelationID != r.text.reference:
		f.fact, f.readings = "it is another one", []reading{inWords("another one")}
	}
	r.settle(correlation, f)
}

// settleTimeout sees how long Sinch waits for the answer to the first try.
func (r *Run) settleTimeout(ctx context.Context, tries func() []arrival) {
	waits := r.check.Waits
	r.wait(ctx, "Nothing to do: the answer to Sinch is held back", waits.Hold+time.Second, func() bool {
		all := tries()
		return all[0].held > 0 || len(all) > 1
	})
	all := tries()
	waited, how := all[0].held, "Sinch hung up after "
	switch {
	case !all[0].hungUp && len(all) > 1:
		// A tunnel may keep the connection that Sinch has left.
		waited, how = all[1].at.Sub(all[0].at), "Sinch tried again after "
	case !all[0].hungUp && waited < waits.Enough:
		r.unprobed("the wait was cut short", callbackTimeout)
		return
	case !all[0].hungUp:
		how = "Sinch still waited after "
	}
	f := finding{fact: how + round(waited).String(), evidence: []string{all[0].evidence()}}
	if waited < waits.Enough {
		f.readings = []reading{inWords("no longer than " + round(waited).String())}
	}
	r.settle(callbackTimeout, f)
}

// settleRetries lets the refused callback come again and again, for a while.
func (r *Run) settleRetries(ctx context.Context, tries func() []arrival) {
	waits := r.check.Waits
	begun := time.Now()
	gaveUp := func(all []arrival) bool {
		longest := time.Duration(0)
		for _, pause := range pauses(all) {
			longest = max(longest, pause)
		}
		return time.Since(all[len(all)-1].at) > max(waits.Quiet, 3*longest)
	}
	r.wait(ctx, "Nothing to do: the text is refused, and Sinch repeats it", waits.Retry, never)
	all := tries()
	asked := round(time.Since(begun)).String()
	if len(all) == 1 && (ctx.Err() != nil || !gaveUp(all)) {
		r.unseen("not again within "+asked+", which is short", retrySchedule, retrySignature)
		return
	}
	schedule := finding{fact: "not again within " + asked, evidence: evidence(all)}
	if len(all) > 1 {
		var after []string
		for _, pause := range pauses(all) {
			after = append(after, round(pause).String())
		}
		schedule.fact = "again after " + strings.Join(after, ", ")
	}
	if !growing(pauses(all)) {
		schedule.readings = []reading{inWords("pauses that do not grow")}
	}
	if ctx.Err() == nil && gaveUp(all) {
		lasted := all[len(all)-1].at.Sub(all[0].at)
		schedule.fact += fmt.Sprintf("; then no more, by %s", asked)
		// A second more, so that it is not the last try that is left out.
		schedule.readings = []reading{otherwise("retry_for", (lasted + time.Second).Round(time.Second).String())}
	}
	r.settle(retrySchedule, schedule)
	if len(all) == 1 {
		r.unseen("the callback did not come again", retrySignature)
		return
	}
	r.settle(retrySignature, signatures(all))
}

// pauses are those between the tries, without the time for which an answer was
// held back.
func pauses(tries []arrival) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(tries); i++ {
		pause := tries[i].at.Sub(tries[i-1].at)
		if held := tries[i-1].held; held < pause {
			pause -= held
		}
		all = append(all, pause)
	}
	return all
}

// growing reports whether pauses become longer, as far as three or more tell.
func growing(pauses []time.Duration) bool {
	return len(pauses) < 3 || pauses[len(pauses)-1] > pauses[0]*3/2
}

// signatures tells whether each try was signed for itself.
func signatures(tries []arrival) finding {
	distinct := func(header string) int {
		var values []string
		for _, a := range tries {
			values = append(values, a.header.Get(header))
		}
		slices.Sort(values)
		return len(slices.Compact(values))
	}
	times, nonces, signed := distinct(sinch.HeaderTimestamp), distinct(sinch.HeaderNonce), distinct(sinch.HeaderSignature)
	f := finding{
		fact:     fmt.Sprintf("%d tries; timestamps: %d, nonces: %d, signatures: %d", len(tries), times, nonces, signed),
		evidence: evidence(tries),
	}
	if signed > 1 {
		f.readings = []reading{otherwise("sign_again", true)}
	}
	return f
}
