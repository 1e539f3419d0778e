package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// A pace says how many things are done in a second.
type pace rate.Limit

var errNoPace = errors.New("write a rate like 10/s, 30/m or 500/h")

// parsePace does not take a number alone, which could be meant either way.
func parsePace(s string) (pace, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), "/")
	per, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.ParseUint(number, 10, 20)
	if err != nil || n == 0 || !known {
		return 0, errNoPace
	}
	return pace(float64(n) / per.Seconds()), nil
}

// steps returns what waits for the time of the next thing, and fails only if
// ctx ends first.
func (p pace) steps() func(ctx context.Context) error {
	limiter := rate.NewLimiter(rate.Limit(p), 1)
	return limiter.Wait
}
