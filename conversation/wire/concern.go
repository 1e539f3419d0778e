package wire

import (
	"slices"
	"strings"
	"time"
)

// A Cause is what a Concern is about. There is one concern for each at most, or one
// for each thing that it is of.
type Cause string

// What needs a person. Some causes settle themselves; the rest a person settles,
// by giving up what is parked.
const (
	CauseCarrierAway  Cause = "carrier-away"  // it takes no messages; settled when it takes one
	CauseArchiveAway  Cause = "archive-away"  // it takes no records; settled when it takes some
	CauseParked       Cause = "parked"        // work waits for a person; settled when none is left
	CauseRefused      Cause = "refused"       // the carrier refused a message for what it says
	CauseQuestion     Cause = "question"      // a question could not be sent, and its script was told
	CauseScript       Cause = "script"        // a script's message could not be sent
	CauseFallbackAway Cause = "fallback-away" // what failed could not be handed over
	CauseFlood        Cause = "flood"         // more texts came than can wait
	CauseLoop         Cause = "loop"          // more automatic texts an hour than a person would want
	CausePerson       Cause = "person"        // the contact wrote to the person who has the floor; settled when one writes
	CauseCancelled    Cause = "cancelled"     // somebody pressed a button that has no effect
	CauseTrouble      Cause = "trouble"       // a script cannot go on; settled when it does
)

// maxConcerns is how many a state holds. Only those of things can become so many.
const maxConcerns = 20

// A Concern is why a person should look at a conversation.
type Concern struct {
	Cause  Cause     `json:"cause"`
	Of     string    `json:"of,omitempty"` // trouble: the script's workflow id
	Reason string    `json:"reason"`       // the newest
	At     time.Time `json:"at"`           // since when
}

// Raise adds a concern, or gives the one with this cause the newest reason.
func (c *Cares) Raise(cause Cause, reason string, now time.Time) { c.RaiseOf(cause, "", reason, now) }

// RaiseOf does so for one thing of several, and reports whether there were too many:
// the oldest of such a thing is let go.
func (c *Cares) RaiseOf(cause Cause, of, reason string, now time.Time) (tooMany bool) {
	if i := c.concern(cause, of); i >= 0 {
		c.Concerns[i].Reason = reason
		return false
	}
	c.Concerns = append(c.Concerns, Concern{Cause: cause, Of: of, Reason: reason, At: now})
	if len(c.Concerns) <= maxConcerns {
		return false
	}
	i := slices.IndexFunc(c.Concerns, func(x Concern) bool { return x.Of != "" })
	if i >= 0 {
		c.Concerns = slices.Delete(c.Concerns, i, i+1)
	}
	return i >= 0
}

// Settle takes a concern away whose cause is gone.
func (c *Cares) Settle(cause Cause) { c.SettleOf(cause, "") }

// SettleOf does so for one thing of several.
func (c *Cares) SettleOf(cause Cause, of string) {
	if i := c.concern(cause, of); i >= 0 {
		c.Concerns = slices.Delete(c.Concerns, i, i+1)
	}
}

func (c Cares) concern(cause Cause, of string) int {
	return slices.IndexFunc(c.Concerns, func(x Concern) bool { return x.Cause == cause && x.Of == of })
}

// Attention is all concerns in one, as a memo and a list show them.
type Attention struct {
	Reason  string            `json:"reason"`
	At      time.Time         `json:"at"`
	Scripts []ScriptInTrouble `json:"scripts,omitempty"`
}

// ScriptInTrouble is a script in trouble, as a list shows it.
type ScriptInTrouble struct {
	WorkflowID string `json:"workflow_id"`
	Reason     string `json:"reason"`
}

// Attention is why a person should look, and since when; nil if nobody need.
func (c Cares) Attention() *Attention {
	if len(c.Concerns) == 0 {
		return nil
	}
	a := Attention{At: c.Concerns[0].At}
	var reasons []string
	for _, x := range c.Concerns {
		reasons = append(reasons, x.Reason)
		if x.Cause == CauseTrouble {
			a.Scripts = append(a.Scripts, ScriptInTrouble{WorkflowID: x.Of, Reason: x.Reason})
		}
		if x.At.Before(a.At) {
			a.At = x.At
		}
	}
	a.Reason = strings.Join(reasons, "; ")
	return &a
}
