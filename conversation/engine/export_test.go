package engine

import (
	"time"

	"parley/conversation/wire"
)

// Closed adds a rule to the gate: automatic texts wait from a time until another.
func (t *Toolkit) Closed(from, until time.Time) {
	t.rules = append(t.rules, func(g *gate, m *wire.Message) ruling {
		if m.Author.Automatic() && !g.now().Before(from) && g.now().Before(until) {
			return ruling{until: until, why: "we are closed"}
		}
		return ruling{}
	})
}
