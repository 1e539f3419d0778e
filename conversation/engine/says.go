package engine

import (
	"errors"
	"slices"

	"parley/conversation/wire"
	"parley/sms"
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
	text := s.message(say)
	switch r := s.outbox.admit(&text); {
	case r.never != "":
		s.drop(say, r)
	case len(s.Says) >= maxSays:
		s.drop(say, ruling{never: sms.StatusFailed, why: "too many messages of scripts wait"})
	default:
		s.Says = append(s.Says, say)
	}
	return nil
}

func (s *says) message(m wire.Say) wire.Message {
	return wire.Message{
		From: m.Script.Type, Author: wire.ByScript, Text: m.Text, Reference: m.Reference, Useful: m.UsefulUntil, InDoubt: m.InDoubt, SayID: m.ID, Epoch: m.Epoch,
	}
}

// drop records a text that is not sent.
func (s *says) drop(m wire.Say, r ruling) {
	if r.never == sms.StatusFailed {
		s.desk.raise(wire.CauseScript, "a script's message could not be sent: "+r.why)
	}
	text := s.message(m)
	text.Text = wire.Cut(text.Text, maxTextBytes)
	s.transcript.dropped(text, r.why)
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
		s.trace = m.Trace
		_, r := s.outbox.offer(s.message(m))
		s.trace = ""
		if r.never != "" {
			s.drop(m, r)
			return true
		}
		if holds {
			s.floor.release() // it said something that asks nothing
		}
		return true
	})
}

func (s *says) busy() bool { return len(s.Says) > 0 }

func (s *says) silence(wire.OptOut) {
	for _, m := range s.Says {
		s.drop(m, ruling{never: sms.StatusDropped, why: reasonOptedOut})
	}
	s.Says = nil
}
