// Package wording writes amounts, ages and what others say, for a person to read.
package wording

import (
	"fmt"
	"strings"
	"time"

	conversations "parley/conversation/client"
)

// DateAndTime is the layout of a moment.
const DateAndTime = "2 Jan 2006 15:04"

// Counted is a number of things: "1 worker", "2 workers".
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Age is how long ago something was, to a precision that matters to a person: "5m",
// "1h00m", "3d4h".
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
}

// Printable takes out what would do something to a terminal instead of being
// shown: texts come from strangers. Line ends stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0: // control characters
			return '�'
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // change the direction of writing
			return '�'
		}
		return r
	}, s)
}

// Sending says in one line whether texts may leave, and how many.
func Sending(s conversations.Sending, zone *time.Location) string {
	switch {
	case s.Paused:
		said := "sending is paused"
		if s.Since != nil {
			said += " since " + s.Since.In(zone).Format(DateAndTime)
		}
		if s.By != "" {
			said += " by " + Printable(s.By)
		}
		if s.Why != "" {
			said += ": " + Printable(s.Why)
		}
		return strings.ReplaceAll(said, "\n", " ")
	case s.Rate > 0:
		return fmt.Sprintf("sending is not paused; %g texts in a second at most", s.Rate)
	}
	return "sending is not paused"
}

// Queued says in one line what waits in a task queue.
func Queued(q conversations.Queued) string {
	said := Counted(q.Workers, "worker")
	switch {
	case q.Waiting > 0 && q.Oldest > 0:
		return fmt.Sprintf("%s, about %d waiting, the oldest for %s", said, q.Waiting, Age(q.Oldest))
	case q.Waiting > 0:
		return fmt.Sprintf("%s, about %d waiting", said, q.Waiting)
	}
	return said + ", nothing waits"
}
