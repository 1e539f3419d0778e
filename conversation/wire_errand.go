package conversation

import (
	"time"

	"parley/activities"
)

// An Errand is a word to somebody outside, besides the contact. Errands keep
// nobody waiting: the conversation goes on whatever becomes of them.
type Errand struct {
	Kind    errandKind `json:"kind"`
	Of      string     `json:"of"` // what it is about: the id of what was parked, the key of a message
	Since   time.Time  `json:"since"`
	NextTry time.Time  `json:"next_try,omitzero"`

	Text *activities.Undelivered `json:"text,omitempty"` // if the message has left the transcript
}

type errandKind string

const (
	errandNotice   errandKind = "notice"   // to a person, of what was parked
	errandFallback errandKind = "fallback" // of a text that failed for good, for another way to the contact
)

// wasHandedOver is how an errand of the fallback went well, in its message.
const wasHandedOver = "handed over"
