package sinchtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// dice are repeatable for a seed and an order of throws.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func newDice(seed uint64) *dice {
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // dice, not secrets
	}
	return &dice{rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // dice, not secrets
}

func (d *dice) hit(rate float64) bool {
	if rate <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < rate
}

// status picks one of several statuses, each with its own rate; 0 is none.
func (d *dice) status(rates map[int]float64) int {
	if len(rates) == 0 {
		return 0
	}
	d.mu.Lock()
	throw := d.rand.Float64()
	d.mu.Unlock()
	for _, status := range slices.Sorted(maps.Keys(rates)) {
		if throw < rates[status] {
			return status
		}
		throw -= rates[status]
	}
	return 0
}
