package engine

import (
	"fmt"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// gate says what may be sent to this contact.
type gate struct {
	*run
	*wire.Departures
}

// refusal says why a text cannot be sent to this contact, or is empty.
func (g *gate) refusal(text string) string {
	switch {
	case g.consent.out():
		return reasonOptedOut
	case strings.TrimSpace(text) == "":
		return "the text is empty"
	case sms.SegmentsOf(text).Count > maxTextSegments:
		return fmt.Sprintf("the text is longer than %d segments", maxTextSegments)
	}
	return ""
}

// mayText guards against two machines that answer each other for ever: it
// counts what nobody wrote by hand.
func (g *gate) mayText() bool {
	limit := g.Settings.TextsPerHour
	hourAgo := g.now().Add(-time.Hour)
	for len(g.RepliedAt) > 0 && g.RepliedAt[0].Before(hourAgo) {
		g.RepliedAt = g.RepliedAt[1:]
	}
	return limit == 0 || len(g.RepliedAt) < limit
}

// scriptMayText is mayText for a script's text, and counts it.
func (g *gate) scriptMayText() bool {
	if g.Settings.TextsPerHour == 0 {
		return true
	}
	may := g.mayText()
	if may {
		g.texted()
	}
	return may
}

// tooMany is said where mayText forbids a text.
func (g *gate) tooMany() string {
	return fmt.Sprintf("more than %d automatic texts in an hour: is another machine answering?", len(g.RepliedAt))
}

// texted counts one automatic text.
func (g *gate) texted() { g.RepliedAt = append(g.RepliedAt, g.now()) }

// looked begins the count again: a person has looked, so what follows is no loop yet.
func (g *gate) looked() { g.RepliedAt = nil }
