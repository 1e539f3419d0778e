package main

import (
	"context"
	"fmt"
	"time"
)

// memoryRounds are fewer than the others: a round is long, and memory does not
// depend on who else is at work.
const memoryRounds = 2

// forgotten is longer than the server believes in a worker that no longer polls.
const forgotten = 12 * time.Second

// memory measures (5): what an open conversation costs the worker that has it in
// its cache, and how long one takes that is in nobody's.
func (b *bench) memory(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n(5) %d open conversations, and %d of %d turns taken up again by a new worker.\n", b.size.open, b.size.takenUp, b.size.long)
	rows := []*row{
		{name: "KB of the worker for each, cached"},
		{name: "KB for each, not cached"},
		{name: "MB of the worker without any"},
		{name: "ms to the carrier, cached, p50"},
		{name: "ms after a clean stop, p50"},
		{name: "ms at once after a kill, p50"},
		{name: fmt.Sprintf("ms %.0f s after a kill, p50", forgotten.Seconds())},
	}
	if err := b.compare(ctx, comparison{floor: floorTurns, rounds: min(b.rounds, memoryRounds), rows: rows, measure: b.memoryRound}); err != nil {
		return err
	}
	b.report.table(b.out, "floor", rows)
	for i, key := range map[int]string{0: "kb_cached", 1: "kb_not_cached", 3: "cached_p50", 4: "taken_up_p50", 5: "killed_p50"} {
		b.report.set(key, median(rows[i].parley))
	}
	return nil
}

func (b *bench) memoryRound(ctx context.Context, s *side, round int) ([]float64, error) {
	all := contacts(b.size.open + b.size.flight)
	warm := s.phones(all[b.size.open:])
	warmUp := func() error {
		if err := crowd(ctx, 4*b.size.flight, b.size.flight, warm.turn); err != nil {
			return err
		}
		return s.settle(ctx)
	}
	if err := warmUp(); err != nil {
		return nil, err
	}
	empty, err := residentBytes(s.worker)
	if err != nil {
		return nil, err
	}
	p := s.phones(all[:b.size.open])
	if err := crowd(ctx, b.size.open, b.size.flight, p.turn); err != nil {
		return nil, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	cached, err := residentBytes(s.worker)
	if err != nil {
		return nil, err
	}

	long := s.phones(all[:b.size.takenUp])
	if err := crowd(ctx, b.size.takenUp*(b.size.long-1), min(b.size.flight, b.size.takenUp), long.turn); err != nil {
		return nil, err
	}
	figures := []float64{(cached - empty) / 1000 / float64(b.size.open), 0, empty / 1e6}
	takeUp := func() error {
		if err := s.settle(ctx); err != nil {
			return err
		}
		took, err := stream(ctx, b.size.takenUp, sendsPerSecond, round, long.turn)
		figures = append(figures, percentile(50, took))
		return err
	}
	if err := takeUp(); err != nil {
		return nil, err
	}
	for n, end := range []func() error{
		s.worker.Stop,
		func() error { s.worker.Kill(); return nil },
		func() error { s.worker.Kill(); time.Sleep(forgotten); return nil },
	} {
		if err := s.settle(ctx); err != nil {
			return nil, err
		}
		if err := end(); err != nil {
			return nil, err
		}
		if s.worker, err = s.plan.StartWorker(ctx); err != nil {
			return nil, err
		}
		if n == 0 {
			if err := warmUp(); err != nil {
				return nil, err
			}
			uncached, err := residentBytes(s.worker)
			if err != nil {
				return nil, err
			}
			figures[1] = max(0, uncached-empty) / 1000 / float64(b.size.open)
		}
		if err := takeUp(); err != nil {
			return nil, err
		}
	}
	return figures, s.carrier.nothingTwice()
}
