package wire

import (
	"encoding/json"
	"strings"
	"time"

	"parley/sms"
)

// A Hook is a service of the user's own that is told things.
type Hook string

// The services that are told things, each under the URL that its Setting sets.
const (
	HookOutcome  Hook = "outcome"  // how scripts end: ScriptOutcome
	HookNotify   Hook = "notify"   // what was parked, for a person: Notice
	HookFallback Hook = "fallback" // texts that failed for good, for another way to the contact: Undelivered
)

// Hooks are all of them.
func Hooks() []Hook { return []Hook{HookOutcome, HookNotify, HookFallback} }

// Setting is the variable that holds the service's URL.
func (h Hook) Setting() string { return "PARLEY_" + strings.ToUpper(string(h)) + "_URL" }

// TellServiceActivity is the name of the activity that runs an errand.
const TellServiceActivity = "TellService"

// An Errand is a word to a service of the user's own. Errands keep nobody waiting:
// the conversation goes on whatever becomes of them.
type Errand struct {
	Hook    Hook            `json:"hook"`
	ID      string          `json:"id"` // the idempotency key: the id of what was parked, the key of a message
	Body    json.RawMessage `json:"body"`
	Since   time.Time       `json:"since,omitzero"`
	NextTry time.Time       `json:"next_try,omitzero"`
}

// A Notice tells a person that work was parked in a conversation.
type Notice struct {
	ID           string     `json:"id"`           // of what was parked: the idempotency key
	Conversation string     `json:"conversation"` // the workflow id
	Contact      sms.Number `json:"contact"`
	Sender       sms.Sender `json:"sender,omitempty"`
	Code         string     `json:"code"`   // one of a few words, see docs/glossary.md
	Reason       string     `json:"reason"` // one sentence
	Key          string     `json:"key,omitempty"`
	Reference    string     `json:"reference,omitempty"`
	At           time.Time  `json:"at"`
}

// WasHandedOver is how an errand of the fallback went well, in its message.
const WasHandedOver = "handed over"
