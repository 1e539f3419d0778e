package main

import (
	"context"
	"fmt"

	"parley/conversation/wire"
	"parley/sms"
)

// What a turn may cost, see docs/how-it-works.md.
const (
	turnActions, turnEvents     = 4, 20
	scriptActions, scriptEvents = 7, 30
)

const (
	costContacts = 10
	costTurns    = 5
)

// cost measures (4): what one turn costs while nothing else is going on.
func (b *bench) cost(ctx context.Context) error {
	fmt.Fprintln(b.out, "\n(4) What a turn costs on the server, and in callbacks of the carrier.")
	var turn, script [2]cost // of floor and Parley
	for i, kinds := range [][2]kind{{floorTurns, floorScripts}, {parley, parley}} {
		err := b.start(ctx, kinds[0], func(s *side) (err error) {
			p := s.phones(contacts(costContacts))
			turn[i], err = s.costOf(ctx, p, costTurns, p.turn, p.turn)
			return err
		})
		if err != nil {
			return err
		}
		err = b.start(ctx, kinds[1], func(s *side) (err error) {
			p := s.phones(contacts(costContacts))
			script[i], err = s.costOf(ctx, p, timesAsked-1, p.ask, p.again)
			return err
		})
		if err != nil {
			return err
		}
	}
	cells := [][]string{{"", "floor", "Parley", "aim"}}
	for _, line := range []struct {
		name, key     string
		floor, parley float64
		aim           float64
	}{
		{"responder's turn: actions", "turn_actions", turn[0].actions, turn[1].actions, turnActions},
		{"… events", "turn_events", turn[0].events, turn[1].events, turnEvents},
		{"… callbacks", "turn_callbacks", turn[0].callbacks, turn[1].callbacks, 0},
		{"answer and next question: actions", "script_actions", script[0].actions, script[1].actions, scriptActions},
		{"… events of both workflows", "script_events", script[0].events, script[1].events, scriptEvents},
		{"… callbacks", "script_callbacks", script[0].callbacks, script[1].callbacks, 0},
	} {
		cell := ""
		if line.aim > 0 {
			cell = verdict(line.parley, line.aim, false)
		}
		cells = append(cells, []string{line.name, figure(line.floor), figure(line.parley), cell})
		b.report.set(line.key, line.parley)
	}
	grid(b.out, cells)
	return nil
}

// cost is what was counted so far, or for one time.
type cost struct{ actions, events, callbacks float64 }

// costOf lets every contact do something once, and then something else again
// and again, and returns what one time of that costs.
func (s *side) costOf(ctx context.Context, p *phones, times int, first, then deed) (cost, error) {
	if err := p.inPeace(ctx, first); err != nil {
		return cost{}, err
	}
	before, err := p.cost(ctx)
	if err != nil {
		return cost{}, err
	}
	for range times {
		if err := p.inPeace(ctx, then); err != nil {
			return cost{}, err
		}
	}
	after, err := p.cost(ctx)
	n := float64(times * len(p.numbers))
	return cost{(after.actions - before.actions) / n, (after.events - before.events) / n, (after.callbacks - before.callbacks) / n}, err
}

// inPeace lets every contact do something once, and waits for the end of all it
// leads to: a turn that begins earlier costs less.
func (p *phones) inPeace(ctx context.Context, do deed) error {
	if err := crowd(ctx, len(p.numbers), len(p.numbers), do); err != nil {
		return err
	}
	if err := p.s.settle(ctx); err != nil {
		return err
	}
	_, err := p.events(ctx)
	return err
}

func (p *phones) cost(ctx context.Context) (c cost, err error) {
	if c.events, err = p.events(ctx); err != nil {
		return c, err
	}
	c.callbacks = float64(p.s.carrier.sim.Stats().CallbackTries)
	c.actions, err = p.s.actions(ctx)
	return c, err
}

// events are those of the contacts' workflows, and of their scripts if there are any.
func (p *phones) events(ctx context.Context) (total float64, err error) {
	for i, number := range p.numbers {
		for _, id := range []string{p.s.workflowID(number), scriptID(i)} {
			n, err := p.s.events(ctx, id)
			if err != nil {
				return 0, err
			}
			total += float64(n)
		}
	}
	return total, nil
}

func (s *side) workflowID(number sms.Number) string {
	if s.kind == parley {
		return wire.ID(number, "")
	}
	return "floor:" + string(number)
}

func scriptID(i int) string { return fmt.Sprintf("appointment:B-%d", i) }
