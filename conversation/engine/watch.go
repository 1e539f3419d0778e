package engine

import (
	"slices"

	"parley/conversation/wire"
	"parley/sms"
)

func (c *conversation) onWatch(e wire.Envelope, w wire.Watched) error {
	if err := w.Script.Check(); err != nil {
		return err
	}
	s := c.state
	if slices.ContainsFunc(s.Watches, func(x wire.Watch) bool { return x.ID == e.ID }) {
		return nil
	}
	c.touch()
	if len(s.Watches) >= maxWatches {
		c.tellReport(s.Watches[0], wire.DeliveryUnknown, "")
		s.Watches = s.Watches[1:]
		s.Evicted++
	}
	s.Watches = append(s.Watches, wire.Watch{ID: e.ID, Script: w.Script, SayID: wire.Cut(w.SayID, wire.MaxEventIDBytes), Until: w.Until})
	return nil
}

// report answers the scripts whose texts have met their fate, or which have
// waited long enough.
func (c *conversation) report() {
	c.state.Watches = slices.DeleteFunc(c.state.Watches, func(w wire.Watch) bool {
		delivery, reason, known := c.fate(w.SayID)
		if !known && c.now().Before(w.Until) {
			return false
		}
		c.tellReport(w, delivery, reason)
		return true
	})
}

func (c *conversation) tellReport(w wire.Watch, delivery wire.Delivery, reason string) {
	c.tell(w.Script, w.ID, wire.Outcome{Kind: wire.EndReported, Delivered: delivery, Reason: reason}, nil)
}

// fate is what became of a script's text, as far as more is not to be expected.
// A text that was resent has the fate of the last one.
func (c *conversation) fate(sayID string) (delivery wire.Delivery, reason string, known bool) {
	s := c.state
	said := func(m wire.Message) bool { return m.SayID == sayID }
	if slices.ContainsFunc(s.Says, func(m wire.Say) bool { return m.ID == sayID }) || slices.ContainsFunc(s.Outbox, said) || slices.ContainsFunc(s.Resends, said) {
		return wire.DeliveryUnknown, "", false
	}
	last, open := wire.DeliveryUnknown, false
	for _, m := range slices.Backward(s.Transcript) {
		if !said(m) {
			continue
		}
		switch m.Status {
		case sms.StatusDelivered, sms.StatusRead:
			return wire.Delivered, "", true
		case sms.StatusFailed, sms.StatusExpired, sms.StatusDropped:
			if last != wire.NotDelivered {
				last, reason = wire.NotDelivered, m.Reason
			}
		default:
			open = true // one that it repeats may have arrived
		}
	}
	if open {
		return wire.DeliveryUnknown, "", false
	}
	return last, reason, true // unknown: it was long ago, or in an earlier life of this conversation
}
