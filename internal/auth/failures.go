package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Failures says how often each source may fail to prove itself: so many times at
// once, and then once in each period.
type Failures struct {
	now   func() time.Time
	every time.Duration
	first int
	seed  maphash.Seed

	mutex sync.Mutex
	// Fixed, so that a flood from many sources takes no memory. Two that share one
	// share their failures, which is no loss to who does not fail.
	shares [4096]*rate.Limiter
}

// NewFailures returns one that has seen no failure yet.
func NewFailures(now func() time.Time, every time.Duration, first int) *Failures {
	return &Failures{now: now, every: every, first: first, seed: maphash.MakeSeed()}
}

// Left reports whether a source has failures left.
func (f *Failures) Left(source netip.Addr) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.share(source).TokensAt(f.now()) >= 1
}

// Take reports whether a source has failures left, and takes one.
func (f *Failures) Take(source netip.Addr) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.share(source).AllowN(f.now(), 1)
}

func (f *Failures) share(source netip.Addr) *rate.Limiter {
	i := maphash.Comparable(f.seed, source) % uint64(len(f.shares))
	if f.shares[i] == nil {
		f.shares[i] = rate.NewLimiter(rate.Every(f.every), f.first)
	}
	return f.shares[i]
}
