package main

import (
	"context"
	"fmt"
)

// growth measures (8): what a turn costs with more conversations, longer ones,
// and more workers.
func (b *bench) growth(ctx context.Context) error {
	fmt.Fprintln(b.out, "\n(8) Turns at saturation, with more of everything.")
	cells := [][]string{{"", "turns/s", "server ms", "worker ms", "all ms"}}
	measure := func(s *side, name string, p *phones) error {
		rate, used, err := b.flatOut(ctx, s, b.size.turns, p.turn)
		if err != nil {
			return err
		}
		ms := used.milliseconds()
		cells = append(cells, []string{name, figure(rate), figure(ms[server]), figure(ms[worker]), figure(ms[parts])})
		return nil
	}
	open := func(s *side, n int) (*phones, error) {
		p := s.phones(contacts(n))
		return p, crowd(ctx, n, b.size.flight, p.turn)
	}
	few := 2 * b.size.flight
	err := b.start(ctx, parley, func(s *side) error {
		p, err := open(s, few)
		if err != nil {
			return err
		}
		if err := measure(s, fmt.Sprintf("%d conversations, 1 worker", few), p); err != nil {
			return err
		}
		if p, err = open(s, b.size.open); err != nil {
			return err
		}
		return measure(s, fmt.Sprintf("%d conversations", b.size.open), p)
	})
	if err != nil {
		return err
	}
	err = b.start(ctx, parley, func(s *side) error {
		p, err := open(s, few)
		if err != nil {
			return err
		}
		// The transcript is full at a hundred messages, which are fifty turns.
		if err := crowd(ctx, few*b.size.longest, b.size.flight, p.turn); err != nil {
			return err
		}
		return measure(s, fmt.Sprintf("%d conversations of %d turns", few, b.size.longest), p)
	})
	if err != nil {
		return err
	}
	for _, workers := range []int{2, 4} {
		err = b.start(ctx, parley, func(s *side) error {
			for range workers - 1 {
				if err := s.startWorker(ctx); err != nil {
					return err
				}
			}
			p, err := open(s, few)
			if err != nil {
				return err
			}
			return measure(s, fmt.Sprintf("%d conversations, %d workers", few, workers), p)
		})
		if err != nil {
			return err
		}
	}
	grid(b.out, cells)
	return nil
}
