package client

import (
	"slices"
	"time"

	"parley/conversation/wire"
)

// Repeats say which texts of a conversation repeat which: one that did not arrive
// is sent once more, as another message.
type Repeats struct {
	First map[string]time.Time // by key: when a text was queued
	Again map[string]string    // by key: the key of the text that repeats it
	Due   map[string]time.Time // by key: when a text that waits for that is sent once more
}

// RepeatsIn are those among the texts that a conversation holds.
func RepeatsIn(s wire.State) Repeats {
	r := Repeats{First: map[string]time.Time{}, Again: map[string]string{}, Due: map[string]time.Time{}}
	for _, m := range slices.Concat(s.Transcript, s.Outbox, s.Held) {
		if m.Key == "" {
			continue
		}
		r.First[m.Key] = m.At
		if m.ResendOf != "" {
			r.Again[m.ResendOf] = m.Key
		}
	}
	for _, m := range s.Held {
		r.Due[m.Key] = m.At
		if m.Delivery != nil {
			r.Due[m.Key] = m.Delivery.NextTry
		}
	}
	return r
}
