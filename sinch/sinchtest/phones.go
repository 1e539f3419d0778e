package sinchtest

import (
	"slices"

	"parley/sms"
	"parley/sms/numbers"
)

type phone struct {
	number         sms.Number
	messages       []*record
	contactID      string
	conversationID string
	texts          sms.Sender // our number that it last had to do with

	// What the last send to this contact said; it comes back with the next
	// message from it.
	correlation, conversationMetadata string

	blocked map[sms.Sender]bool // by the network, after a STOP
}

// phone returns the phone with that number, and makes it if there is none. The
// caller holds the lock.
func (s *Server) phone(number sms.Number) *phone {
	p := s.phones[number]
	if p == nil {
		p = &phone{number: number, texts: s.opts.Senders[0], blocked: map[sms.Sender]bool{}}
		s.phones[number] = p
		s.order = append(s.order, number)
		s.note(change{phone: number})
	}
	return p
}

// A Phone is one phone's view of a Server.
type Phone struct {
	s      *Server
	number sms.Number
}

// Phone returns the phone with that number, which need not have been heard of.
// It panics on what is no number, a mistake in a test.
func (s *Server) Phone(number sms.Number) Phone { return Phone{s, mustNumber(number)} }

// AddPhone makes the phone visible before it has sent or received anything.
func (s *Server) AddPhone(number sms.Number) Phone {
	p := s.Phone(number)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phone(p.number)
	return p
}

// Number returns the phone's number.
func (p Phone) Number() sms.Number { return p.number }

// Text writes to our default number, or to the one that texted this phone last.
func (p Phone) Text(text string) (id string) {
	return p.s.Text(p.number, "", text)
}

// Messages returns what the phone sent and received, in order.
func (p Phone) Messages() []Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	known := p.s.phones[p.number]
	if known == nil {
		return nil
	}
	return snapshots(known.messages)
}

func snapshots(records []*record) []Message {
	messages := make([]Message, len(records))
	for i, r := range records {
		messages[i] = r.snapshot()
	}
	return messages
}

// Message returns the message with that id.
func (s *Server) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byID[id]
	if r == nil {
		return Message{}, false
	}
	return r.snapshot(), true
}

// Sent returns all accepted sends in the order of their acceptance.
func (s *Server) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshots(s.sent)
}

// Inbound returns all messages from phones in the order of their acceptance.
func (s *Server) Inbound() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshots(s.inbound)
}

// Phones returns the numbers of all phones, in order of appearance.
func (s *Server) Phones() []sms.Number {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

func mustNumber(number sms.Number) sms.Number {
	parsed, err := numbers.Parse(string(number))
	if err != nil {
		panic("sinchtest: " + err.Error())
	}
	return parsed
}
