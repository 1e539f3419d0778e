package wire

import (
	"time"

	"parley/sms"
)

// A Line is one message of the transcript that a Turn carries.
type Line struct {
	From   string    `json:"from"`             // "contact", or who of us wrote it: "responder", a script's name, a person's
	Author Author    `json:"author,omitempty"` // what kind of author that is
	Text   string    `json:"text"`
	Time   time.Time `json:"time"`
}

// Undelivered is a text that failed for good.
type Undelivered struct {
	Key       string     `json:"key"` // of the message: the idempotency key
	Contact   sms.Number `json:"contact"`
	Sender    sms.Sender `json:"sender,omitempty"`
	From      string     `json:"from"` // who wrote it: a script's type, "responder", who asked for it
	Text      string     `json:"text"`
	Reference string     `json:"reference,omitempty"`
	Reason    string     `json:"reason"`             // the carrier's code
	Question  bool       `json:"question,omitempty"` // it asked for an answer by text, which nobody waits for any more
	At        time.Time  `json:"at"`                 // when it failed
}

// A RecordKind says what a Record is about.
type RecordKind string

// What is kept.
const (
	RecordMessage      RecordKind = "message"      // a message, once it has reached its final state
	RecordConversation RecordKind = "conversation" // a conversation that closed or continues as new
)
