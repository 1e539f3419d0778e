package engine

import (
	"slices"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// watches are of scripts that want to know whether a text arrived.
type watches struct {
	still
	*run
	*wire.Dialogue
}

func (w *watches) onWatch(e wire.Envelope, x wire.Watched) error {
	if err := x.Script.Check(); err != nil {
		return err
	}
	if slices.ContainsFunc(w.Watches, func(y wire.Watch) bool { return y.ID == e.ID }) {
		return nil
	}
	w.touch()
	if len(w.Watches) >= maxWatches {
		w.tell(w.Watches[0], wire.Outcome{Delivered: wire.DeliveryUnknown})
		w.Watches = w.Watches[1:]
		w.Evicted++
	}
	w.Watches = append(w.Watches, wire.Watch{ID: e.ID, Script: x.Script, SayID: wire.Cut(x.SayID, wire.MaxEventIDBytes), Until: x.Until})
	return nil
}

// advance answers the scripts whose texts have met their fate, or which have
// waited long enough.
func (w *watches) advance() {
	w.Watches = slices.DeleteFunc(w.Watches, func(x wire.Watch) bool {
		delivery, reason, known := w.fate(x.SayID)
		if !known && w.now().Before(x.Until) {
			return false
		}
		o := wire.Outcome{Delivered: delivery, Reason: reason}
		if !known {
			o.Reason, o.Until = w.waits(x.SayID)
		}
		w.tell(x, o)
		return true
	})
}

func (w *watches) tell(x wire.Watch, o wire.Outcome) {
	o.Kind = wire.EndReported
	w.answers.tell(x.Script, x.ID, o, nil)
}

// waits is why a text has not left, and until when; nothing if it is on its way.
func (w *watches) waits(sayID string) (why string, until time.Time) {
	if w.says.waiting(sayID) {
		return "somebody else has the floor", time.Time{}
	}
	for _, m := range w.held.messages() {
		if m.SayID == sayID {
			return m.Delivery.Why, m.Delivery.NextTry
		}
	}
	return "", time.Time{}
}

// fate is what became of a script's text, as far as more is not to be expected.
// A text that was resent has the fate of the last one.
func (w *watches) fate(sayID string) (delivery wire.Delivery, reason string, known bool) {
	said := func(m wire.Message) bool { return m.SayID == sayID }
	if w.says.waiting(sayID) || w.outbox.holds(said) || w.held.holds(said) {
		return wire.DeliveryUnknown, "", false
	}
	last, open := wire.DeliveryUnknown, false
	for _, m := range slices.Backward(w.transcript.messages()) {
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

func (w *watches) deadlines(at func(time.Time, string)) {
	for i := range w.Watches {
		at(w.Watches[i].Until, "did it arrive?")
	}
}

func (w *watches) busy() bool { return len(w.Watches) > 0 }
