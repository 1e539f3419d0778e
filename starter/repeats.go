package main

import (
	"slices"
	"time"

	"parley/conversation/wire"
)

// repeats say which texts of a conversation repeat which: one that did not arrive
// is sent once more, as another message.
type repeats struct {
	first map[string]time.Time // by key: when a text was queued
	again map[string]string    // by key: the key of the text that repeats it
	due   map[string]time.Time // by key: when a text that waits for that is sent once more
}

func repeatsIn(s wire.State) repeats {
	r := repeats{first: map[string]time.Time{}, again: map[string]string{}, due: map[string]time.Time{}}
	for _, m := range slices.Concat(s.Transcript, s.Outbox, s.Resends) {
		if m.Key == "" {
			continue
		}
		r.first[m.Key] = m.At
		if m.ResendOf != "" {
			r.again[m.ResendOf] = m.Key
		}
	}
	for _, m := range s.Resends {
		r.due[m.Key] = m.At
		if m.Delivery != nil {
			r.due[m.Key] = m.Delivery.NextTry
		}
	}
	return r
}

// repetition says that a text was sent once more, or is such a text.
func (p *page) repetition(m wire.Message) []string {
	var about []string
	if m.ResendOf != "" {
		which := "an earlier text"
		if first, known := p.repeats.first[m.ResendOf]; known {
			which = "that of " + first.In(p.zone).Format(clock)
		}
		about = append(about, "repeats "+which)
	}
	if at, waits := p.repeats.due[m.Key]; waits {
		about = append(about, "is sent at "+at.In(p.zone).Format(clock))
	}
	again, repeated := p.repeats.again[m.Key]
	_, waits := p.repeats.due[again]
	switch {
	case m.Key == "" || !repeated:
	case waits:
		about = append(about, "will be sent once more")
	default:
		about = append(about, "sent once more")
	}
	return about
}
