package main

import (
	"hash/maphash"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// strangers are those whose requests carry no proof: a wrong signature, an unknown
// token. Each source may fail so often before it hears 429 and the log hears
// nothing. Who can prove itself is never asked here.
type strangers struct {
	now  func() time.Time
	seed maphash.Seed

	mutex sync.Mutex
	// Fixed, so that a flood from many sources takes no memory. Two that share one
	// share their failures, which is no loss to who does not fail.
	shares [4096]*rate.Limiter
}

const (
	failuresEvery = time.Second
	failuresFirst = 20 // at once: somebody who sets up a webhook tries more than once
)

func newStrangers(now func() time.Time) *strangers {
	return &strangers{now: now, seed: maphash.MakeSeed()}
}

// mayFail reports whether a source has failures left, and takes one.
func (s *strangers) mayFail(source netip.Addr) bool {
	i := maphash.Comparable(s.seed, source) % uint64(len(s.shares))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.shares[i] == nil {
		s.shares[i] = rate.NewLimiter(rate.Every(failuresEvery), failuresFirst)
	}
	return s.shares[i].AllowN(s.now(), 1)
}

// tooMany answers 429, and says when to come again.
func tooMany(c echo.Context, wait time.Duration, reason string) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	return refuse(c, http.StatusTooManyRequests, reason)
}
