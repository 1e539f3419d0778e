package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
)

const (
	// onTheWire is how long after the 200 for a STOP the first byte of a text may
	// still reach the carrier: what began within 250 ms, and its way.
	onTheWire = 350 * time.Millisecond

	// confirmWithin is how soon a STOP is confirmed, if at all: 47 CFR 64.1200(a)(12).
	confirmWithin = 5 * time.Minute

	// confirmPatience is how long a contact waits for the confirmation before they
	// go on. One who goes on sooner need not get one.
	confirmPatience = time.Minute
)

// A stop is one time in which a contact does not want to be texted.
type stop struct {
	text  sinchtest.Message // STOP
	until time.Time         // when a webhook was first given the START that followed; zero: never
}

// stops are the times of silence of each chat, in order.
func (j *judging) stops() map[chat][]stop {
	stops := map[chat][]stop{}
	texts := slices.Clone(j.texts)
	slices.SortStableFunc(texts, func(a, b sinchtest.Message) int { return a.At.Compare(b.At) })
	for _, m := range texts {
		in := chatOf(m)
		n := len(stops[in])
		silent := n > 0 && stops[in][n-1].until.IsZero()
		switch {
		case m.Text == stopWord && m.AcknowledgedAt != nil && !silent:
			stops[in] = append(stops[in], stop{text: m})
		case m.Text == startWord && silent:
			stops[in][n-1].until = j.offered[m.ID]
		}
	}
	return stops
}

// afterStop counts requests that reach the carrier after the contact's STOP was
// answered 200, but one confirmation; and confirmations that come after the
// contact's START, too late, or never.
func (j *judging) afterStop() {
	attempts := map[chat][]sinchtest.Attempt{}
	for _, a := range j.attempts {
		in := chat{string(a.To), string(a.Sender)}
		attempts[in] = append(attempts[in], a)
	}
	for in, stops := range j.stops() {
		for i, s := range stops {
			next := time.Time{} // the contact's next STOP
			if i+1 < len(stops) {
				next = *stops[i+1].text.AcknowledgedAt
			}
			j.silence(s, next, attempts[in])
		}
	}
}

// silence judges one time of silence; next is when the one after it begins.
func (j *judging) silence(s stop, next time.Time, attempts []sinchtest.Attempt) {
	stopped, confirmed := *s.text.AcknowledgedAt, map[string]bool{}
	for _, a := range attempts {
		after := a.FirstByte.Sub(stopped)
		ended := !s.until.IsZero() && !a.FirstByte.Before(s.until)
		switch {
		case after < 0 || !next.IsZero() && a.FirstByte.After(next):
		case a.Text == optOutReply:
			if a.MessageID == "" {
				continue
			}
			if confirmed[baseOf(keyOf(a.Key))] = true; len(confirmed) > 1 {
				j.note("after_stop", &j.v.AfterStop, "%s was confirmed more than once", show(s.text))
			}
			if len(confirmed) == 1 && (ended || after > confirmWithin) {
				j.note("late_confirmations", &j.v.LateConfirmations, "%s was confirmed after %s; START by then: %t", show(s.text), after, ended)
			}
		case ended:
		default:
			j.v.afterStop = append(j.v.afterStop, after)
			if after > onTheWire {
				j.note("after_stop", &j.v.AfterStop, "%q, key %s, began %s after %s", a.Text, keyOf(a.Key), after.Round(time.Millisecond), show(s.text))
			}
		}
	}
	if waited := s.until.Sub(stopped); len(confirmed) == 0 && (s.until.IsZero() || waited > confirmPatience) {
		j.note("late_confirmations", &j.v.LateConfirmations, "%s was never confirmed", show(s.text))
	}
}

const (
	stopWord  = "STOP"
	startWord = "START"
	backWord  = " is back" // ends the first text after a last START: somebody must answer it
)

// What Parley itself says about consent.
var (
	optOutReply = wire.DefaultSettings().OptOutReply
	optInReply  = wire.DefaultSettings().OptInReply
)

func aboutConsent(words string) bool { return words == optOutReply || words == optInReply }

// unanswered reports whether nobody has to answer a text: it is about consent, or
// its writer says STOP now and then, which takes back what was on its way.
func (j *judging) unanswered(m sinchtest.Message) bool {
	return j.stoppers[chatOf(m)] && !strings.HasSuffix(m.Text, backWord)
}

// delays says in words how long after STOP requests began.
func delays(afterStop []time.Duration) string {
	bounds := []time.Duration{250 * time.Millisecond, onTheWire, time.Second, 5 * time.Second, 15 * time.Second}
	counts := make([]int, len(bounds)+1)
	for _, d := range afterStop {
		i, _ := slices.BinarySearch(bounds, d)
		counts[i]++
	}
	var words []string
	for i, bound := range bounds {
		words = append(words, "≤"+bound.String()+" "+strconv.Itoa(counts[i]))
	}
	return strings.Join(append(words, "later "+strconv.Itoa(counts[len(bounds)])), ", ")
}
