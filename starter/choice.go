package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// whichFlags pick some of what is parked.
type whichFlags struct {
	Reason []wire.ParkCode `placeholder:"CODE" help:"Only what was parked for this reason: ${park_codes}. May be given several times."`
	Since  *time.Duration  `placeholder:"DURATION" help:"Only what was parked within this time, such as 2h."`
}

// idFlag picks what is parked by name.
type idFlag struct {
	ID []string `name:"id" placeholder:"ID" help:"Only this, as parked prints it. May be given several times."`
}

func parkCodes() string {
	var codes []string
	for _, code := range wire.ParkCodes() {
		codes = append(codes, string(code))
	}
	return strings.Join(codes, ", ")
}

func parseParkCode(s string) (wire.ParkCode, error) {
	code := wire.ParkCode(strings.ToLower(strings.TrimSpace(s)))
	if !slices.Contains(wire.ParkCodes(), code) {
		return "", errors.New("a reason is one of " + parkCodes())
	}
	return code, nil
}

// choice is what the flags pick; now is when --since ends.
func (f whichFlags) choice(now time.Time, ids ...string) (conversations.Choice, error) {
	c := conversations.Choice{Codes: f.Reason, IDs: ids}
	if f.Since == nil {
		return c, nil
	}
	if *f.Since <= 0 {
		return c, usagef("--since must be longer than nothing, such as 2h")
	}
	c.Since = now.Add(-*f.Since)
	return c, nil
}
