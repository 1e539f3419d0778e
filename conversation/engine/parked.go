package engine

import (
	"errors"
	"slices"
	"strconv"

	"parley/conversation/wire"
	"parley/sms"
)

// park keeps work that failed for good for a person to look at, and tells one.
func (c *conversation) park(p wire.Parked) {
	s := c.state
	s.LastParked++
	p.ID, p.At, p.Reason = s.FirstRunID+"/p"+strconv.Itoa(s.LastParked), c.now(), wire.Cut(p.Reason, wire.MaxIDBytes)
	loops := p.Code == wire.ParkedLoop && slices.ContainsFunc(s.Parked, func(o wire.Parked) bool { return o.Code == wire.ParkedLoop })
	s.Parked = append(s.Parked, p)
	size := 0
	for i, kept := range slices.Backward(s.Parked) {
		size += kept.Size()
		if i < len(s.Parked)-1 && (size > maxParkedBytes || len(s.Parked)-i > maxParked) {
			gone := s.Parked[:i+1]
			s.Evicted += len(gone)
			s.Parked = slices.Clone(s.Parked[i+1:])
			for _, p := range gone {
				c.handOver(p) // nobody will have it sent any more
			}
			break
		}
	}
	c.raise(wire.CauseParked, p.Reason)
	c.count(metricParked, "reason", string(p.Code))
	if p.Turn != nil && p.Code != wire.ParkedScript { // whose texts are counted when the turn ends
		c.countMany(len(p.Turn.Texts), metricHandled, "by", byParked)
	}
	if !loops { // one word about a loop is enough
		c.sendOn(wire.Errand{Kind: wire.ErrandNotice, Of: p.ID})
	}
}

// parkMessage keeps a message that was not sent. One that asks is not kept: its
// script has been told, and waits for no answer to it.
func (c *conversation) parkMessage(m wire.Message, code wire.ParkCode, reason string) {
	if m.AskID != "" {
		c.raise(wire.CauseQuestion, reason)
		return
	}
	if !m.Delivery.Doubt && code != wire.ParkedInDoubt {
		m.Status, m.Reason, m.StatusAt = sms.StatusFailed, reason, c.now()
	}
	m.Delivery, m.Steps = nil, nil
	c.park(wire.Parked{Code: code, Reason: reason, Message: &m})
}

// handOver gives a message that nobody will have sent any more to the fallback.
func (c *conversation) handOver(p wire.Parked) {
	if p.Message == nil {
		return
	}
	m := *p.Message
	if kept := c.message(m.Key); kept != nil {
		m = *kept
	}
	if m.Status == sms.StatusFailed {
		c.fallBack(m)
	}
}

// unpark lets go of what no longer waits for a person.
func (c *conversation) unpark(which func(wire.Parked) bool) []wire.Parked {
	var taken []wire.Parked
	c.state.Parked = slices.DeleteFunc(c.state.Parked, func(p wire.Parked) bool {
		if !which(p) {
			return false
		}
		taken = append(taken, p)
		return true
	})
	if len(c.state.Parked) == 0 {
		c.state.Settle(wire.CauseParked)
	}
	return taken
}

func (c *conversation) mended(m wire.Mend, retried bool) []wire.Parked {
	taken := c.unpark(func(p wire.Parked) bool {
		return (len(m.IDs) == 0 || slices.Contains(m.IDs, p.ID)) && (len(m.Codes) == 0 || slices.Contains(m.Codes, p.Code))
	})
	s := c.state
	for _, p := range taken {
		s.Mended = append(s.Mended, wire.Mended{ID: p.ID, Code: p.Code, Retried: retried, By: wire.Cut(m.By, wire.MaxIDBytes), Why: wire.Cut(m.Why, wire.MaxIDBytes), At: c.now()})
	}
	s.Mended = s.Mended[max(0, len(s.Mended)-maxMended):]
	return taken
}

// onRetry tries parked work again. A turn goes before newer texts; a message
// becomes a new one, with a key of its own.
func (c *conversation) onRetry(e wire.Envelope, m wire.Mend) error {
	if c.seen(e.ID) {
		return nil
	}
	s := c.state
	if s.OptedOut != nil {
		return errors.New("nothing can be tried again: " + reasonOptedOut)
	}
	c.touch()
	s.RepliedAt = nil // a person has looked: what follows is no loop yet
	for _, p := range c.mended(m, true) {
		switch {
		case p.Turn != nil:
			s.Redo = append(s.Redo, wire.Turn{ID: p.Turn.ID, Texts: p.Turn.Texts, Start: p.Turn.Start})
		case p.Message != nil:
			again := *p.Message
			// A person has decided: it is sent, whatever was sent in a life before.
			key := c.enqueue(wire.Message{
				From: again.From, Text: again.Text, Reference: again.Reference, Useful: again.Useful, InDoubt: again.InDoubt,
				SayID: again.SayID, ResendOf: again.Key, Resend: again.Resend + 1,
			})
			i := slices.IndexFunc(s.Outbox, func(m wire.Message) bool { return m.Key == key })
			s.Outbox[i].Delivery = &wire.Outstanding{}
		}
	}
	return nil
}

// onSkip gives parked work up, and with it whatever else asked for attention.
func (c *conversation) onSkip(e wire.Envelope, m wire.Mend) error {
	if c.seen(e.ID) {
		return nil
	}
	c.touch()
	for _, p := range c.mended(m, false) {
		c.handOver(p)
	}
	if len(c.state.Parked) == 0 {
		c.state.Concerns = nil
	}
	return nil
}
