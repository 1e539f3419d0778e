package engine

import (
	"errors"
	"slices"

	"parley/conversation/wire"
)

// says are texts of scripts that ask nothing; each waits until the floor is free.
type says struct {
	still
	*run
	*wire.Dialogue
}

// onSay keeps a script's text until it may be sent, or drops it.
func (s *says) onSay(e wire.Envelope, m wire.Said) error {
	if err := m.Script.Check(); err != nil {
		return err
	}
	m.Reference = wire.Cut(m.Reference, wire.MaxIDBytes)
	if s.inbox.knows(e.ID) {
		return nil
	}
	s.touch()
	if m.InDoubt != "" && m.InDoubt != wire.Resend && m.InDoubt != wire.Park {
		return errors.New(`say event whose "in_doubt" is neither "resend" nor "park"`)
	}
	say := wire.Say{ID: e.ID, Trace: s.trace, Said: m}
	why := s.gate.refusal(m.Text)
	if why == "" && len(s.Says) >= maxSays {
		why = "too many messages of scripts wait"
	}
	switch {
	case why == "":
		s.Says = append(s.Says, say)
	case s.consent.out():
		s.drop(say, why)
	default:
		s.desk.raise(wire.CauseScript, "a script's message could not be sent: "+why)
		s.drop(say, why)
	}
	return nil
}

// drop records a text that is not sent.
func (s *says) drop(m wire.Say, why string) {
	s.transcript.dropped(wire.Message{From: m.Script.Type, Text: wire.Cut(m.Text, maxTextBytes), Reference: m.Reference, SayID: m.ID}, why)
}

// waiting reports whether a text waits for the floor.
func (s *says) waiting(id string) bool {
	return slices.ContainsFunc(s.Says, func(m wire.Say) bool { return m.ID == id })
}

// advance sends what has waited for the floor.
func (s *says) advance() {
	s.Says = slices.DeleteFunc(s.Says, func(m wire.Say) bool {
		holds := s.floor.of(m.Script)
		if !holds && !s.floor.free() || s.outbox.full() {
			return false
		}
		if !s.gate.scriptMayText() {
			s.desk.raise(wire.CauseLoop, s.gate.tooMany())
			s.drop(m, s.gate.tooMany())
			return true
		}
		s.trace = m.Trace
		s.outbox.enqueue(wire.Message{From: m.Script.Type, Text: m.Text, Reference: m.Reference, Useful: m.UsefulUntil, InDoubt: m.InDoubt, SayID: m.ID})
		s.trace = ""
		if holds {
			s.floor.release() // it said something that asks nothing
		}
		return true
	})
}

func (s *says) busy() bool { return len(s.Says) > 0 }

func (s *says) silence(wire.OptOut) {
	for _, m := range s.Says {
		s.drop(m, reasonOptedOut)
	}
	s.Says = nil
}
