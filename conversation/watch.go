package conversation

import (
	"slices"

	"parley/sms"
)

func (c *conversation) onWatch(e Envelope, w watched) error {
	if err := w.Script.check(); err != nil {
		return err
	}
	s := c.state
	if slices.ContainsFunc(s.Watches, func(x Watch) bool { return x.ID == e.ID }) {
		return nil
	}
	c.touch()
	if len(s.Watches) >= maxWatches {
		c.tellReport(s.Watches[0], DeliveryUnknown, "")
		s.Watches = s.Watches[1:]
		s.Evicted++
	}
	s.Watches = append(s.Watches, Watch{ID: e.ID, Script: w.Script, SayID: cut(w.SayID, maxEventIDBytes), Until: w.Until})
	return nil
}

// report answers the scripts whose texts have met their fate, or which have
// waited long enough.
func (c *conversation) report() {
	c.state.Watches = slices.DeleteFunc(c.state.Watches, func(w Watch) bool {
		delivery, reason, known := c.fate(w.SayID)
		if !known && c.now().Before(w.Until) {
			return false
		}
		c.tellReport(w, delivery, reason)
		return true
	})
}

func (c *conversation) tellReport(w Watch, delivery Delivery, reason string) {
	c.tell(PendingQuestion{ID: w.ID, Script: w.Script}, outcome{Kind: endReported, Delivered: delivery, Reason: reason}, nil)
}

// fate is what became of a script's text, as far as more is not to be expected.
// A text that was resent has the fate of the last one.
func (c *conversation) fate(sayID string) (delivery Delivery, reason string, known bool) {
	s := c.state
	said := func(m Message) bool { return m.SayID == sayID }
	if slices.ContainsFunc(s.Says, func(m Say) bool { return m.ID == sayID }) || slices.ContainsFunc(s.Outbox, said) || slices.ContainsFunc(s.Resends, said) {
		return DeliveryUnknown, "", false
	}
	last, open := DeliveryUnknown, false
	for _, m := range slices.Backward(s.Transcript) {
		if !said(m) {
			continue
		}
		switch m.Status {
		case sms.StatusDelivered, sms.StatusRead:
			return Delivered, "", true
		case sms.StatusFailed, sms.StatusExpired, sms.StatusDropped:
			if last != NotDelivered {
				last, reason = NotDelivered, m.Reason
			}
		default:
			open = true // one that it repeats may have arrived
		}
	}
	if open {
		return DeliveryUnknown, "", false
	}
	return last, reason, true // unknown: it was long ago, or in an earlier life of this conversation
}
