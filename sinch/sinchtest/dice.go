package sinchtest

import (
	"cmp"
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

// pick throws once for several things, each with its own rate. It is ok if one
// of them is hit.
func pick[K cmp.Ordered](d *dice, rates map[K]float64) (picked K, ok bool) {
	if len(rates) == 0 {
		return picked, false
	}
	d.mu.Lock()
	throw := d.rand.Float64()
	d.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(rates)) {
		if throw < rates[key] {
			return key, true
		}
		throw -= rates[key]
	}
	return picked, false
}

func (d *dice) shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rand.Shuffle(n, swap)
}
