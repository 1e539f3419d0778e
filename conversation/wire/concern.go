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
func (s *State) Raise(cause Cause, reason string, now time.Time) { s.RaiseOf(cause, "", reason, now) }

// RaiseOf does so for one thing of several. When there are too many, the oldest of
// such a thing is let go and counted.
func (s *State) RaiseOf(cause Cause, of, reason string, now time.Time) {
	if i := s.concern(cause, of); i >= 0 {
		s.Concerns[i].Reason = reason
		return
	}
	s.Concerns = append(s.Concerns, Concern{Cause: cause, Of: of, Reason: reason, At: now})
	if len(s.Concerns) <= maxConcerns {
		return
	}
	if i := slices.IndexFunc(s.Concerns, func(c Concern) bool { return c.Of != "" }); i >= 0 {
		s.Concerns = slices.Delete(s.Concerns, i, i+1)
		s.Evicted++
	}
}

// Settle takes a concern away whose cause is gone.
func (s *State) Settle(cause Cause) { s.SettleOf(cause, "") }

// SettleOf does so for one thing of several.
func (s *State) SettleOf(cause Cause, of string) {
	if i := s.concern(cause, of); i >= 0 {
		s.Concerns = slices.Delete(s.Concerns, i, i+1)
	}
}

func (s State) concern(cause Cause, of string) int {
	return slices.IndexFunc(s.Concerns, func(c Concern) bool { return c.Cause == cause && c.Of == of })
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
func (s State) Attention() *Attention {
	if len(s.Concerns) == 0 {
		return nil
	}
	a := Attention{At: s.Concerns[0].At}
	var reasons []string
	for _, c := range s.Concerns {
		reasons = append(reasons, c.Reason)
		if c.Cause == CauseTrouble {
			a.Scripts = append(a.Scripts, ScriptInTrouble{WorkflowID: c.Of, Reason: c.Reason})
		}
		if c.At.Before(a.At) {
			a.At = c.At
		}
	}
	a.Reason = strings.Join(reasons, "; ")
	return &a
}
