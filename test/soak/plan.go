package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// A plan is what will go wrong in a run, and when, made from the seed alone.
// Times count from the start of the load.
type plan struct {
	kills  []kill
	bursts []window // the carrier answers every send 429
	outage window   // the responder answers 503
}

type kill struct {
	at     time.Duration
	victim string
	down   time.Duration // before it is started again
}

type window struct{ from, to time.Duration }

const (
	longRun      = 15 * time.Minute // runs from here on have an outage of the responder
	outageLength = 5 * time.Minute
)

func newPlan(seed uint64, length time.Duration) plan {
	var p plan
	d := dice(seed, "kills")
	for at := between(d, 2*time.Second, 7*time.Second); at < length; at += between(d, 2*time.Second, 7*time.Second) {
		p.kills = append(p.kills, kill{at, victims[d.IntN(len(victims))], between(d, 0, 2*time.Second)})
	}
	d = dice(seed, "server")
	for at := between(d, 5*time.Second, 25*time.Second); at < length; at += between(d, 20*time.Second, 40*time.Second) {
		p.kills = append(p.kills, kill{at, server, between(d, 0, time.Second)})
	}
	d = dice(seed, "bursts")
	for at := between(d, 5*time.Second, 20*time.Second); at < length; at += between(d, 15*time.Second, 45*time.Second) {
		// Shorter than a series of tries, which would be followed by a pause of minutes.
		p.bursts = append(p.bursts, window{at, at + between(d, time.Second, 3*time.Second)})
	}
	if length >= longRun {
		p.outage = window{length / 3, length/3 + outageLength}
	}
	return p
}

// dice are the same for the same seed and words, whatever else was thrown
// before: what one contact does must not depend on how fast another one was.
func dice(seed uint64, words ...any) *rand.Rand {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, words...)
	return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // dice, not secrets
}

func between(d *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

func chance(d *rand.Rand, percent int) bool { return d.IntN(100) < percent }
