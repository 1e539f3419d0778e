package livecheck

import (
	"context"
	"fmt"
	"strings"
)

const afterStop = "Parley live-check: sent after STOP."

// stop has the phone opt out, sends a text all the same, and has it opt in
// again.
func (r *Run) stop(ctx context.Context) {
	from := r.inbox.count()
	waits := r.check.Waits
	heard := r.wait(ctx, "Text back: STOP", waits.Person, r.said(from, "STOP"))
	if ctx.Err() == nil && !heard && r.person.Ask(ctx, "No STOP has come. Did you send it?") != Yes {
		r.unprobed("STOP was not sent", networkStops)
		return
	}
	defer r.start(ctx)
	if ctx.Err() != nil {
		return
	}
	confirmed := r.person.Ask(ctx, "Did an answer to STOP come to the phone by itself, that says you are unsubscribed?")
	text, err := r.send(ctx, "SMS", afterStop, "")
	if err != nil {
		r.unseen("the text after STOP was not taken: "+err.Error(), networkStops)
		return
	}
	last, ended := r.outcome(ctx, text)
	if ctx.Err() != nil {
		return
	}
	arrived := r.person.Ask(ctx, "Did the text 'sent after STOP' come to the phone?")

	f := finding{evidence: append([]string{text.evidence}, evidence(r.messages(from))...)}
	outcome := "without a receipt"
	if ended {
		report := last.callback.Delivery
		outcome = strings.TrimSpace(report.Status + " " + report.Reason.Code)
		f.evidence = append(f.evidence, last.evidence())
	}
	f.fact = fmt.Sprintf("STOP passed on: %s; answered by the network: %s; the text after it: %s, on the phone: %s", yes(heard), confirmed, outcome, arrived)
	failed := ended && last.callback.Delivery.Status == "FAILED"
	blocked := failed || !ended && arrived == No
	switch {
	case failed && r.failing:
		f.fact, f.unseen = "texts to this phone fail without STOP, too", true
	case blocked && heard:
		f.readings = []reading{otherwise("network_stops", "blocks")}
	case blocked:
		f.readings = []reading{otherwise("network_stops", "swallows")}
	case !heard, !ended && arrived == Unknown, ended && arrived == No:
		f.unseen = true
	case confirmed == Yes:
		f.readings = []reading{inWords("the network answers, and lets texts pass")}
	}
	r.settle(networkStops, f)
}

// start makes sure that the phone does not stay opted out unnoticed.
func (r *Run) start(ctx context.Context) {
	from := r.inbox.count()
	if ctx.Err() == nil && r.wait(ctx, "Text back: START. Until then the phone stays opted out, and gets no texts", r.check.Waits.Person, r.said(from, "START")) {
		return
	}
	r.person.Tell("START has not come. If you have sent STOP, and not START since, text START now: until then the phone stays opted out, and gets no texts.")
}

// said reports whether the phone has texted a word since then.
func (r *Run) said(from int, word string) func() bool {
	return func() bool {
		for _, a := range r.messages(from) {
			if strings.EqualFold(strings.TrimSpace(a.callback.Message.Content.words()), word) {
				return true
			}
		}
		return false
	}
}

func yes(b bool) Reply {
	if b {
		return Yes
	}
	return No
}
