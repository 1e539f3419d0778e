package main

import (
	"context"
	"sync"
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
	var mu sync.Mutex
	for _, k := range p.kills {
		at(k.at, func() {
			if u := w.units[k.victim]; u != nil && u.kill(k.down) { // the server may not be ours
				mu.Lock()
				w.kills++
				mu.Unlock()
			}
		})
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
