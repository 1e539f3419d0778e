package wire

import (
	"slices"
)

// Requested is what became of a text that an application asked for.
type Requested struct {
	Key     string   // of the text as it was asked for; empty if it was not taken
	Refused string   // why it was not taken; empty if it was
	Last    *Message // the text or, if it was sent again, the last that repeats it; nil if too much was said since
}

// Requested looks up an idempotency key, and tells whether the conversation
// remembers it.
func (s *State) Requested(id string) (Requested, bool) {
	for _, r := range slices.Backward(s.Requests) {
		if r.ID == id {
			return Requested{Key: r.Key, Last: s.last(r.Key)}, true
		}
	}
	for _, skipped := range slices.Backward(s.Skipped) {
		if skipped.ID == "send:"+id {
			return Requested{Refused: skipped.Reason}, true
		}
	}
	return Requested{}, false
}

// last finds a message, and follows it to what repeats it.
func (s *State) last(key string) *Message {
	var all []*Message
	for _, list := range [][]Message{s.Evictees, s.Transcript, s.Outbox, s.Held} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	for _, p := range s.Parked {
		if p.Message != nil {
			all = append(all, p.Message)
		}
	}
	i := slices.IndexFunc(all, func(m *Message) bool { return m.Key == key })
	if i < 0 {
		return nil
	}
	found := all[i]
	for again := found; again != nil; {
		found, again = again, nil
		for _, m := range all {
			if m.ResendOf == found.Key && m.Resend > found.Resend {
				again = m
			}
		}
	}
	return found
}
