package livecheck

import (
	"context"
	"fmt"
	"slices"

	"parley/sms"
)

// A step is one thing that happens, with all that it tells.
type step struct {
	name  string
	asks  []int    // numbers of assumptions
	sends []string // texts
	phone int      // texts that the person sends
	run   func(r *Run, ctx context.Context)
}

var steps = []step{
	{
		name: "text", sends: []string{textWords}, run: (*Run).sendText,
		asks: []int{
			receiptTime, listLag, listContent, refusedCallback, plusSign, otherForms, identityFilter, listOrder,
			submitOrder, correlation,
		},
	},
	{
		name: "reply", phone: 1, run: (*Run).takeReply,
		asks: []int{retrySchedule, retrySignature, callbackTimeout, correlation},
	},
	{name: "picture", phone: 1, run: (*Run).takePicture, asks: []int{captions}},
	{name: "long", phone: 1, run: (*Run).takeLongText, asks: []int{longTexts}},
	{name: "channel", run: (*Run).missChannel, asks: []int{missingChannel}},
	{name: "stop", sends: []string{afterStop}, phone: 2, run: (*Run).stop, asks: []int{networkStops}},
}

// choose keeps the assumptions that are asked for, and the steps that ask.
func (r *Run) choose() error {
	for _, n := range slices.Concat(r.check.Only, r.check.Skip) {
		if n < 1 || n > len(assumptions) {
			return fmt.Errorf("there is no assumption %d: docs/sinch.md numbers them from 1 to %d", n, len(assumptions))
		}
	}
	for _, a := range assumptions {
		if len(r.check.Only) > 0 && !slices.Contains(r.check.Only, a.number) || slices.Contains(r.check.Skip, a.number) {
			continue
		}
		why := a.why
		if why == "" {
			why = "the check ended before"
		}
		r.results[a.number] = Result{Number: a.number, Assumption: a.words, Verdict: NotProbed, Fact: why}
	}
	for _, s := range steps {
		if slices.ContainsFunc(s.asks, r.open) {
			r.steps = append(r.steps, s)
		}
	}
	return nil
}

// A Plan is what a Run will do.
type Plan struct {
	Steps      []string
	Texts      int // that are sent to the phone
	Segments   int // of those, which is what they cost
	PhoneTexts int // that the person is asked to send; a long one and a picture count more
	Webhooks   int // that get a copy of all callbacks
	Stops      bool
}

// Plan tells what Do will do.
func (r *Run) Plan() Plan {
	p := Plan{Webhooks: len(r.hooks)}
	for _, s := range r.steps {
		p.Steps = append(p.Steps, s.name)
		p.PhoneTexts += s.phone
		p.Stops = p.Stops || slices.Contains(s.asks, networkStops)
		for _, words := range s.sends {
			p.Texts++
			p.Segments += sms.SegmentsOf(words).Count
		}
	}
	return p
}
