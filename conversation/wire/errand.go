package wire

import (
	"time"
)

// An Errand is a word to somebody outside, besides the contact. Errands keep
// nobody waiting: the conversation goes on whatever becomes of them.
type Errand struct {
	Kind    ErrandKind `json:"kind"`
	Of      string     `json:"of"` // what it is about: the id of what was parked, the key of a message
	Since   time.Time  `json:"since"`
	NextTry time.Time  `json:"next_try,omitzero"`

	Text *Undelivered `json:"text,omitempty"` // if the message has left the transcript
}

// An ErrandKind says who is told.
type ErrandKind string

// The kinds of errands.
const (
	ErrandNotice   ErrandKind = "notice"   // to a person, of what was parked
	ErrandFallback ErrandKind = "fallback" // of a text that failed for good, for another way to the contact
)

// WasHandedOver is how an errand of the fallback went well, in its message.
const WasHandedOver = "handed over"
