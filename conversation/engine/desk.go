package engine

import (
	"errors"
	"slices"
	"strconv"

	"parley/conversation/wire"
	"parley/sms"
)

// desk keeps what needs a person.
type desk struct {
	still
	*run
	*wire.Cares
}

// raise asks a person to look, until the cause is settled.
func (d *desk) raise(cause wire.Cause, reason string) { d.Raise(cause, reason, d.now()) }

// settle takes a concern away whose cause is gone.
func (d *desk) settle(cause wire.Cause) { d.Settle(cause) }

// busy: what is parked would be forgotten by closing.
func (d *desk) busy() bool { return len(d.Parked) > 0 }

// settled lets go of a message that met its fate after all.
func (d *desk) settled(key string) {
	d.unpark(func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == key })
}

// keeps reports whether a message may still be sent, once a person says so.
func (d *desk) keeps(key string) bool {
	return slices.ContainsFunc(d.Parked, func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == key })
}

// park keeps work that failed for good for a person to look at, and tells one.
func (d *desk) park(p wire.Parked) {
	d.LastParked++
	p.ID, p.At, p.Reason = d.FirstRunID+"/p"+strconv.Itoa(d.LastParked), d.now(), wire.Cut(p.Reason, wire.MaxIDBytes)
	loops := p.Code == wire.ParkedLoop && slices.ContainsFunc(d.Parked, func(o wire.Parked) bool { return o.Code == wire.ParkedLoop })
	d.Parked = append(d.Parked, p)
	size := 0
	for i, kept := range slices.Backward(d.Parked) {
		size += kept.Size()
		if i < len(d.Parked)-1 && (size > maxParkedBytes || len(d.Parked)-i > maxParked) {
			gone := d.Parked[:i+1]
			d.Evicted += len(gone)
			d.Parked = slices.Clone(d.Parked[i+1:])
			for _, p := range gone {
				d.handOver(p) // nobody will have it sent any more
			}
			break
		}
	}
	d.raise(wire.CauseParked, p.Reason)
	d.count(metricParked, "reason", string(p.Code))
	if p.Turn != nil && p.Code != wire.ParkedScript && p.Code != wire.ParkedHandedOver { // whose texts are counted when the turn ends
		d.countMany(len(p.Turn.Texts), metricHandled, "by", byParked)
	}
	if !loops { // one word about a loop is enough
		d.errands.notify(p)
	}
}

// parkMessage keeps a message that was not sent. One that asks is not kept: its
// script has been told, and waits for no answer to it.
func (d *desk) parkMessage(m wire.Message, code wire.ParkCode, reason string) {
	if m.AskID != "" {
		d.raise(wire.CauseQuestion, reason)
		return
	}
	if !m.Delivery.Doubt && code != wire.ParkedInDoubt {
		m.Status, m.Reason, m.StatusAt = sms.StatusFailed, reason, d.now()
	}
	m.Delivery, m.Steps = nil, nil
	d.park(wire.Parked{Code: code, Reason: reason, Message: &m})
}

// handOver gives a message that nobody will have sent any more to the fallback.
func (d *desk) handOver(p wire.Parked) {
	if p.Message == nil {
		return
	}
	m := *p.Message
	if kept := d.transcript.message(m.Key); kept != nil {
		m = *kept
	}
	if m.Status == sms.StatusFailed {
		d.errands.fallBack(m)
	}
}

// unpark lets go of what no longer waits for a person.
func (d *desk) unpark(which func(wire.Parked) bool) []wire.Parked {
	var taken []wire.Parked
	d.Parked = slices.DeleteFunc(d.Parked, func(p wire.Parked) bool {
		if !which(p) {
			return false
		}
		taken = append(taken, p)
		d.errands.takeBack(wire.HookNotify, p.ID)
		return true
	})
	if len(d.Parked) == 0 {
		d.settle(wire.CauseParked)
	}
	return taken
}

func (d *desk) mended(m wire.Mend, retried bool) []wire.Parked {
	taken := d.unpark(func(p wire.Parked) bool {
		return (len(m.IDs) == 0 || slices.Contains(m.IDs, p.ID)) && (len(m.Codes) == 0 || slices.Contains(m.Codes, p.Code))
	})
	for _, p := range taken {
		d.Mended = append(d.Mended, wire.Mended{ID: p.ID, Code: p.Code, Retried: retried, By: wire.Cut(m.By, wire.MaxIDBytes), Why: wire.Cut(m.Why, wire.MaxIDBytes), At: d.now()})
	}
	d.Mended = d.Mended[max(0, len(d.Mended)-maxMended):]
	return taken
}

// onRetry tries parked work again. A turn goes before newer texts; a message
// becomes a new one, with a key of its own.
func (d *desk) onRetry(e wire.Envelope, m wire.Mend) error {
	if d.inbox.knows(e.ID) {
		return nil
	}
	if d.consent.out() {
		return errors.New("nothing can be tried again: " + reasonOptedOut)
	}
	d.touch()
	d.gate.looked()
	for _, p := range d.mended(m, true) {
		switch {
		case p.Turn != nil:
			d.responder.redo(*p.Turn)
		case p.Message != nil:
			again := *p.Message
			d.outbox.again(wire.Message{
				From: again.From, Author: again.Author, Text: again.Text, Reference: again.Reference, Useful: again.Useful, InDoubt: again.InDoubt,
				SayID: again.SayID, ResendOf: again.Key, Resend: again.Resend + 1,
			})
		}
	}
	return nil
}

// onSkip gives parked work up, and with it whatever else asked for attention.
func (d *desk) onSkip(e wire.Envelope, m wire.Mend) error {
	if d.inbox.knows(e.ID) {
		return nil
	}
	d.touch()
	for _, p := range d.mended(m, false) {
		d.handOver(p)
	}
	if len(d.Parked) == 0 {
		d.Concerns = nil
	}
	return nil
}
