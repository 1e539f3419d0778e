package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"parley/sinch/sinchtest"
)

// A stopper is a contact who says STOP again and again while something is on its
// way to them, and START some seconds later.
type stopper struct {
	*contact
	carrier *carrier
	news    func(ctx context.Context, id, words string) // another program's text
	mend    func(ctx context.Context, id string)        // retries by hand what is parked
	told    int
	silent  bool
}

// live goes on while the load is on. Who is silent then comes back, and writes a
// text that somebody must answer.
func (s *stopper) live(ctx, phones context.Context) {
	for round := 0; ; round++ {
		d := dice(s.seed, "stop", s.index, round)
		if !sleep(ctx, between(d, 0, 4*time.Second)) {
			break
		}
		s.begin(ctx, d, round)
		if sleep(ctx, between(d, 0, 4*time.Second)) && chance(d, 85) {
			s.stop(ctx, d)
		}
	}
	if s.silent {
		s.say(phones, startWord)
	}
	s.text(ours, "T%d"+backWord, tooMany)
}

// begin lets something be on its way to the contact: in back-off, in doubt,
// waiting for a token, refused until somebody retries it by hand, being answered,
// or being asked.
func (s *stopper) begin(ctx context.Context, d *rand.Rand, round int) {
	fault := func(f sinchtest.OneShot) {
		f.To = s.number
		s.carrier.next(f)
	}
	switch d.IntN(6) {
	case 0:
		fault(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: http.StatusTooManyRequests, Times: 1 + d.IntN(3)})
	case 1:
		fault(sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500})
	case 2:
		s.carrier.lateToken(between(d, 2*time.Second, 8*time.Second))
	case 3:
		fault(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: http.StatusForbidden})
		s.work.Go(func() {
			if sleep(ctx, between(d, 2*time.Second, 5*time.Second)) {
				s.mend(ctx, fmt.Sprintf("mend-%d-%d", s.index, round))
			}
		})
	case 4:
		s.text(ours, "T%d hello", patience)
		return
	default:
		s.startQuiz(ctx, d, ours)
		return
	}
	s.tell(ctx)
}

// tell has another program text the contact.
func (s *stopper) tell(ctx context.Context) {
	s.mu.Lock()
	s.told++
	n := s.index*100_000 + s.told
	s.mu.Unlock()
	s.work.Go(func() { s.news(ctx, fmt.Sprint("news-", n), newsWords(n)) })
}

// stop says STOP, is silent for some seconds, and says START. Most contacts wait
// for the confirmation.
func (s *stopper) stop(ctx context.Context, d *rand.Rand) {
	s.mayMisdate(d)
	stop := s.say(ctx, stopWord)
	s.silent = true
	if chance(d, 50) {
		s.tell(ctx)
	}
	if chance(d, 30) {
		s.text(ours, "T%d are you there?", tooMany)
	}
	if !sleep(ctx, between(d, 2*time.Second, 12*time.Second)) {
		return
	}
	end := time.Now()
	if chance(d, 70) {
		end = end.Add(confirmPatience + 5*time.Second)
	}
	for !s.confirmed(stop) && time.Now().Before(end) {
		if !sleep(ctx, 200*time.Millisecond) {
			return
		}
	}
	s.mayMisdate(d)
	s.say(ctx, startWord)
	s.silent = false
}

// mayMisdate lets the carrier date the contact's next text an hour ahead, now and then.
func (s *stopper) mayMisdate(d *rand.Rand) {
	if s.carrier.rough && chance(d, 10) {
		s.carrier.next(sinchtest.OneShot{Fault: sinchtest.FaultFuture, On: sinchtest.OnCallback, For: sinchtest.Duration(time.Hour), To: s.number})
	}
}

// say writes a word about consent and returns once it was answered 200.
func (s *stopper) say(ctx context.Context, word string) (id string) {
	id = s.carrier.sim.Text(s.number, ours, word)
	for {
		if m, _ := s.carrier.sim.Message(id); m.AcknowledgedAt != nil || !sleep(ctx, 20*time.Millisecond) {
			return id
		}
	}
}

// confirmed reports whether the phone has a confirmation of that STOP.
func (s *stopper) confirmed(stop string) bool {
	heard := false
	for _, m := range s.carrier.sim.Phone(s.number).Messages() {
		switch {
		case m.ID == stop:
			heard = true
		case heard && m.Text == optOutReply:
			return true
		}
	}
	return false
}
