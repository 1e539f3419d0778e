package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/sms"
)

// A deed is the i-th of many alike; it says how long it took.
type deed func(ctx context.Context, i int) (time.Duration, error)

// crowd does n deeds, flight of them at any time, as fast as they go.
func crowd(ctx context.Context, n, flight int, do deed) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range flight {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if _, err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// stream does n deeds at a rate per second, whether or not those before have
// ended. Each has its own slot and begins at a random moment of it, the same for
// the same seed: people do not text in step with a server's clock.
func stream(ctx context.Context, n int, rate float64, seed int, do deed) (took []time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dice := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // no secret, and never negative
	took = make([]time.Duration, n)
	slot := time.Duration(float64(time.Second) / rate)
	began := time.Now()
	var all sync.WaitGroup
	for i := range n {
		at := time.Duration(i)*slot + time.Duration(dice.Float64()*float64(slot))
		select {
		case <-time.After(time.Until(began.Add(at))):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			var err error
			if took[i], err = do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return took, context.Cause(ctx)
}

// phones are the contacts' own: each writes one text at a time.
type phones struct {
	s       *side
	numbers []sms.Number
	busy    []sync.Mutex
	wrote   atomic.Int64
}

func (s *side) phones(numbers []sms.Number) *phones {
	return &phones{s: s, numbers: numbers, busy: make([]sync.Mutex, len(numbers))}
}

// turn writes a text from the i-th phone, and takes the time until the answer
// is posted at the carrier.
func (p *phones) turn(ctx context.Context, i int) (time.Duration, error) {
	took, _, err := p.write(ctx, i)
	return took, err
}

func (p *phones) write(ctx context.Context, i int) (took time.Duration, id string, err error) {
	words := fmt.Sprintf("Where is my order %d?", p.wrote.Add(1))
	took, err = p.answered(ctx, i, words, func(number sms.Number) error {
		id = p.s.carrier.sim.Text(number, "", words)
		return nil
	})
	return took, id, err
}

// answered does something and takes the time until the i-th phone is sent words.
func (p *phones) answered(ctx context.Context, i int, words string, do func(sms.Number) error) (time.Duration, error) {
	i %= len(p.numbers)
	p.busy[i].Lock()
	defer p.busy[i].Unlock()
	posted, err := p.s.carrier.expect(p.numbers[i])
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := do(p.numbers[i]); err != nil {
		return 0, err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case post := <-posted:
		if !strings.Contains(post.text, words) {
			return 0, fmt.Errorf("%s was sent another text than one with %q", p.numbers[i].Masked(), words)
		}
		return post.at.Sub(began), nil
	case <-late.C:
		return 0, fmt.Errorf("%s waited in vain for a text", p.numbers[i].Masked())
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// acknowledged is how long the webhook took to answer for each text.
func (s *side) acknowledged(ids []string) ([]time.Duration, error) {
	var took []time.Duration
	for _, id := range ids {
		m, ok := s.carrier.sim.Message(id)
		if !ok || m.AcknowledgedAt == nil || m.Attempts != 1 {
			return nil, fmt.Errorf("text %s was not acknowledged at the first try", id)
		}
		took = append(took, m.AcknowledgedAt.Sub(m.AcceptedAt))
	}
	return took, nil
}

// percentile is the nearest rank's, in milliseconds.
func percentile(p float64, took []time.Duration) float64 {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	rank := int(p/100*float64(len(sorted)) + 0.5)
	return float64(sorted[min(max(rank, 1), len(sorted))-1].Microseconds()) / 1000
}
