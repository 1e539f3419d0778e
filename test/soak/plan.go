package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"parley/sinch/sinchtest"
)

// A plan is what will go wrong in a run, and when, made from the seed alone.
// Times count from the start of the load.
type plan struct {
	kills  []kill
	bursts []window // the carrier answers every send 429
	outage window   // the responder answers 503

	moods     []mood // of the carrier
	freezes   []kill // down is how long the victim is frozen
	blackouts []window
	deploys   []kill
	fill      time.Duration // when strangers fill a webhook; 0: never
}

type kill struct {
	at     time.Duration
	victim string
	down   time.Duration // before it is started again
}

type window struct{ from, to time.Duration }

// A mood is what the carrier's list and token endpoint do for a while.
type mood struct {
	from      time.Duration
	list      sinchtest.ListFaults
	expiresIn sinchtest.ExpiresIn
}

var moods = []mood{
	{list: sinchtest.ListFaults{Shuffled: true, EmptyPages: true, Page: 50}},
	{list: sinchtest.ListFaults{Page: 3, Token: sinchtest.ListTokenLooping}, expiresIn: sinchtest.ExpiresInZero},
	{list: sinchtest.ListFaults{Page: 3, Token: sinchtest.ListTokenWrong}, expiresIn: sinchtest.ExpiresInMissing},
	{list: sinchtest.ListFaults{Others: 1100}, expiresIn: sinchtest.ExpiresInNegative},
	{expiresIn: sinchtest.ExpiresInString},
}

const (
	longRun      = 15 * time.Minute // runs from here on have an outage of the responder
	outageLength = 5 * time.Minute
)

func newPlan(seed uint64, length time.Duration, with map[string]bool) plan {
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
	p.add(seed, length, with)
	return p
}

const (
	// frozen is longer than an attempt to send may last, so that the server gives
	// the attempt up and the worker goes on with it.
	frozen = 35 * time.Second
	// blackout is longer than the pause before a third try of a text.
	blackout = 14 * time.Second
)

// add plans what goes wrong besides. Each kind has a time of its own, so that
// what one breaks is not hidden by another.
func (p *plan) add(seed uint64, length time.Duration, with map[string]bool) {
	if with[roughCarrier] {
		d := dice(seed, "moods")
		for at := time.Duration(0); at < length; at += between(d, 8*time.Second, 15*time.Second) {
			m := moods[d.IntN(len(moods))]
			m.from = at
			p.moods = append(p.moods, m)
		}
	}
	if with[freezes] {
		d := dice(seed, "freezes")
		for at := between(d, 3*time.Second, 10*time.Second); at < length; at += frozen + between(d, 40*time.Second, 80*time.Second) {
			p.freezes = append(p.freezes, kill{at, workers[d.IntN(len(workers))], frozen + between(d, 0, frozen)})
		}
	}
	if with[blackouts] {
		d := dice(seed, "blackouts")
		for at := between(d, 20*time.Second, 50*time.Second); at < length; at += between(d, 40*time.Second, 90*time.Second) {
			p.blackouts = append(p.blackouts, window{at, at + blackout})
		}
	}
	if with[deploys] {
		d := dice(seed, "deploys")
		for at := between(d, 10*time.Second, 30*time.Second); at < length; at += between(d, 15*time.Second, 40*time.Second) {
			p.deploys = append(p.deploys, kill{at, workers[d.IntN(len(workers))], 6 * time.Second})
		}
	}
	if with[strangers] {
		p.fill = length / 2
	}
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
