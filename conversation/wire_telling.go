package conversation

import (
	"encoding/json"
	"time"

	"parley/sms"
)

// tellActivity is the name of the local activity by which scripts tell.
const tellActivity = "TellConversation"

// telling is a script's message to the conversation. Its id is made here and
// recorded with the result, so that it stays the same on replay and reset.
type telling struct {
	Contact sms.Number      `json:"contact"`
	Sender  sms.Sender      `json:"sender,omitempty"`
	ID      string          `json:"id"`
	Kind    Kind            `json:"kind"`
	Body    json.RawMessage `json:"body"`
	Again   int             `json:"again,omitempty"` // times it was told before without an answer
	Trace   string          `json:"trace,omitempty"` // of the contact's last answer
}

// longOutage is how long a local activity is tried: it needs nothing but Temporal,
// and without that nothing else works either.
const longOutage = 10 * 365 * 24 * time.Hour
