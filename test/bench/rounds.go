package main

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// A comparison is what is measured on both sides, in rounds.
type comparison struct {
	floor   kind
	rounds  int
	control bool // the floor twice in each round: how far two equal sides are apart
	rows    []*row
	measure func(context.Context, *side, int) ([]float64, error) // one figure for each row
}

// compare takes both sides in every round, each on a fresh server. They change
// places from round to round, so that neither always has the warmer machine.
func (b *bench) compare(ctx context.Context, c comparison) error {
	for round := range c.rounds {
		order := []kind{c.floor, parley}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		floors := [][]float64{}
		if c.control {
			order = []kind{c.floor, parley, c.floor}
		}
		for _, kind := range order {
			var figures []float64
			err := b.start(ctx, kind, func(s *side) (err error) {
				figures, err = c.measure(ctx, s, round)
				return err
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, %s: %s %s\n", round+1, c.rounds, kind, figure(figures[0]), c.rows[0].name)
			if kind == parley {
				add(c.rows, figures, func(r *row) *[]float64 { return &r.parley })
			} else {
				floors = append(floors, figures)
			}
		}
		if round%2 == 1 {
			slices.Reverse(floors)
		}
		add(c.rows, floors[0], func(r *row) *[]float64 { return &r.floor })
		if c.control {
			add(c.rows, floors[1], func(r *row) *[]float64 { return &r.control })
		}
	}
	return nil
}

// add files one figure with each row.
func add(rows []*row, figures []float64, under func(*row) *[]float64) {
	for i, row := range rows {
		list := under(row)
		*list = append(*list, figures[i])
	}
}
