package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// carryOut does what the plan says until ctx ends.
func (w *world) carryOut(ctx context.Context, p plan) {
	var doing sync.WaitGroup
	start := time.Now()
	at := func(t time.Duration, f func()) {
		doing.Go(func() {
			if sleep(ctx, time.Until(start.Add(t))) {
				f()
			}
		})
	}
	var harm atomic.Int64
	count := func(done bool) {
		if done {
			harm.Add(1)
		}
	}
	for _, k := range p.kills {
		at(k.at, func() {
			if u := w.units[k.victim]; u != nil { // the server may not be ours
				count(u.kill(k.down))
			}
		})
	}
	for _, m := range p.moods {
		at(m.from, func() { w.carrier.change(m) })
	}
	for _, k := range p.freezes {
		at(k.at, func() { count(w.units[k.victim].freeze(ctx, k.down)) })
	}
	for _, k := range p.deploys {
		at(k.at, func() { count(w.units[k.victim].deploy(k.down)) })
	}
	for _, b := range p.blackouts {
		for _, name := range workers {
			at(b.from, func() { count(w.units[name].kill(b.to - b.from)) })
		}
	}
	if p.fill > 0 {
		at(p.fill, func() { w.strangers.fill(ctx, w.units) })
	}
	for _, b := range p.bursts {
		at(b.from, func() { w.carrier.busy(true) })
		at(b.to, func() { w.carrier.busy(false) })
	}
	if p.outage.to > 0 {
		at(p.outage.from, func() { w.responder.away.Store(true) })
		at(p.outage.to, func() { w.responder.away.Store(false) })
	}
	doing.Wait()
	w.kills = int(harm.Load())
}

func (w *world) faults(on bool) {
	if on {
		w.carrier.faults()
	} else {
		w.carrier.noFaults()
	}
	w.door.faulty.Store(on)
	w.responder.faulty.Store(on)
	w.responder.away.Store(false)
}
