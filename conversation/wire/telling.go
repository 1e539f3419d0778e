package wire

import (
	"encoding/json"
	"time"

	"parley/sms"
)

// TellActivity is the name of the local activity by which scripts tell.
const TellActivity = "TellConversation"

// Telling is a script's message to the conversation. Its id is made here and
// recorded with the result, so that it stays the same on replay and reset.
type Telling struct {
	Contact sms.Number      `json:"contact"`
	Sender  sms.Sender      `json:"sender,omitempty"`
	ID      string          `json:"id"`
	Kind    Kind            `json:"kind"`
	Body    json.RawMessage `json:"body"`
	Again   int             `json:"again,omitempty"` // times it was told before without an answer
	Trace   string          `json:"trace,omitempty"` // of the contact's last answer
}

// LongOutage is how long a local activity is tried: it needs nothing but Temporal,
// and without that nothing else works either.
const LongOutage = 10 * 365 * 24 * time.Hour
