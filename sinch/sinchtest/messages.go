package sinchtest

import (
	"encoding/json"
	"slices"
	"time"

	"parley/sms"
)

// A Direction says which way a message goes, in Sinch's words.
type Direction string

// To the app is from a phone to us; to the contact is from us to a phone.
const (
	ToApp     Direction = "TO_APP"
	ToContact Direction = "TO_CONTACT"
)

// A Status is what has become of a message so far.
type Status string

// Messages to a contact are accepted first; messages to the app are sent first.
const (
	Accepted        Status = "ACCEPTED"
	QueuedOnChannel Status = "QUEUED_ON_CHANNEL"
	Delivered       Status = "DELIVERED"
	Failed          Status = "FAILED"

	Sent         Status = "SENT"
	Acknowledged Status = "ACKNOWLEDGED" // every webhook answered 2xx
	Lost         Status = "LOST"         // a webhook refused it for good, or was tried to the end
)

// A Message is what one phone sent or received.
type Message struct {
	ID        string     `json:"message_id"`
	Direction Direction  `json:"direction"`
	Phone     sms.Number `json:"phone"`
	Sender    sms.Sender `json:"sender"` // our number
	Kind      sms.Kind   `json:"kind"`
	Text      string     `json:"text"` // the words, or a short rendering of what is not text

	Key           string `json:"key,omitempty"` // the send's message_metadata
	CorrelationID string `json:"correlation_id,omitempty"`

	Status      Status    `json:"status"`
	Reason      string    `json:"reason,omitempty"` // of FAILED: Sinch's code
	Description string    `json:"description,omitempty"`
	At          time.Time `json:"at"`          // when it was sent or accepted, by our clock
	AcceptedAt  time.Time `json:"accepted_at"` // the same, as Sinch tells it
	StatusAt    time.Time `json:"status_at"`   // by our clock

	Encoding sms.Encoding `json:"encoding"`
	Segments int          `json:"segments"` // billed parts

	// Order counts accepted sends, and apart from them inbound messages, from 1.
	Order int `json:"order"`
	// Network is true for what Sinch does not know of: the network sent it itself, or
	// kept it. Sent and Inbound leave it out.
	Network bool `json:"network,omitempty"`
	// For messages to the app: what the webhooks made of the callback.
	Attempts          int        `json:"attempts"`                     // tries in all
	AcknowledgedAt    *time.Time `json:"acknowledged_at,omitempty"`    // the last webhook's 2xx
	AcknowledgedOrder int        `json:"acknowledged_order,omitempty"` // among all inbound messages, from 1

	Callbacks []Callback `json:"callbacks,omitempty"`
}

// A Callback is one callback of a message to one webhook.
type Callback struct {
	Trigger    string     `json:"trigger"`
	Status     Status     `json:"status,omitempty"` // of MESSAGE_DELIVERY
	Target     string     `json:"target"`
	Attempts   int        `json:"attempts"`
	LastAnswer string     `json:"last_answer,omitempty"` // HTTP status, or what went wrong
	Done       bool       `json:"done"`                  // no more tries
	AnsweredAt *time.Time `json:"answered_at,omitempty"` // when it was answered 2xx
	Dropped    bool       `json:"dropped,omitempty"`     // a fault kept it from being sent
	Stray      bool       `json:"stray,omitempty"`       // a fault added it to the right ones
	Tries      []Try      `json:"tries,omitempty"`       // the latest ones
}

// keptTries is how many tries of a callback are remembered.
const keptTries = 20

// A Try is one HTTP request of a callback.
type Try struct {
	At     time.Time `json:"at"`               // when it began
	Status int       `json:"status,omitempty"` // of the answer; 0: there was none
	Error  string    `json:"error,omitempty"`  // why there was none
	Signed bool      `json:"signed,omitempty"`
}

// record is a Message with what only Sinch knows about it.
type record struct {
	Message
	mode           Mode
	contactID      string
	conversationID string
	correlation    string          // echoed in callbacks
	metadata       string          // the top-level message_metadata of callbacks
	content        json.RawMessage // app_message or contact_message
	callbackURL    string
	visibleAt      time.Time // in the message list
	deleted        bool      // from it
	expiresAt      time.Time // zero: never
	channelCode    string
	parts          int // of SMS_MAX_NUMBER_OF_MESSAGE_PARTS
}

// snapshot is the message as it is now. The caller holds the lock.
func (r *record) snapshot() Message {
	m := r.Message
	m.Callbacks = slices.Clone(r.Callbacks)
	return m
}
