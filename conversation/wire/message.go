package wire

import (
	"strconv"
	"time"

	"parley/sms"
)

const maxSteps = 16 // of one message

// A Message is one text of the transcript, in either direction.
type Message struct {
	Key       string       `json:"key,omitempty"`        // ours; only on messages from us
	MessageID string       `json:"message_id,omitempty"` // the carrier's
	Carrier   string       `json:"conversation_id,omitempty"`
	From      string       `json:"from"`             // the author's name: "contact", "responder", a script's type, who sent it
	Author    Author       `json:"author,omitempty"` // what kind of author that is
	Sender    sms.Sender   `json:"sender,omitempty"`
	Kind      sms.Kind     `json:"kind,omitempty"`
	Text      string       `json:"text"`
	Reference string       `json:"reference,omitempty"`
	Status    sms.Status   `json:"status,omitempty"` // only on messages from us
	Reason    string       `json:"reason,omitempty"`
	Class     sms.Class    `json:"class,omitempty"`       // of a failed delivery: may it pass?
	At        time.Time    `json:"at"`                    // received, or queued
	Accepted  time.Time    `json:"accepted_at,omitzero"`  // by the carrier, by its clock
	StatusAt  time.Time    `json:"status_at,omitzero"`    // by the carrier's clock, if it said
	AskID     string       `json:"ask_id,omitempty"`      // if it is a question
	SayID     string       `json:"say_id,omitempty"`      // if a script said it
	Delivery  *Outstanding `json:"delivery,omitempty"`    // while it is in the outbox
	Attempts  int          `json:"attempts,omitempty"`    // that may have been taken, after a first one in doubt
	Must      bool         `json:"must,omitempty"`        // goes out although the contact opted out: the confirmation
	Useful    time.Time    `json:"useful_until,omitzero"` //
	NotBefore time.Time    `json:"not_before,omitzero"`
	Epoch     int          `json:"epoch,omitempty"` // of the floor, when its author began to think
	InDoubt   InDoubt      `json:"in_doubt,omitempty"`
	ResendOf  string       `json:"resend_of,omitempty"` // the key of the text that this one repeats, since that did not arrive
	Resend    int          `json:"resend,omitempty"`    // counts those, along the chain
	Fallback  string       `json:"fallback,omitempty"`  // it failed for good: what became of handing it to the fallback
	Steps     []Step       `json:"steps,omitempty"`     // how it came to its status
	Stored    bool         `json:"stored,omitempty"`    // the archive has it as it is
}

// A Step is a change of a message's status.
type Step struct {
	Status    sms.Status `json:"status"`
	Reason    string     `json:"reason,omitempty"`
	At        time.Time  `json:"at"`                   // by the carrier's clock, if it said
	MessageID string     `json:"message_id,omitempty"` // of the attempt that it is about
}

// Outstanding is what a message needs to remember until the carrier took it.
type Outstanding struct {
	Began      time.Time `json:"began,omitzero"`       // first attempt
	Tries      int       `json:"tries,omitempty"`      // in a row that the carrier did not take
	NextTry    time.Time `json:"next_try,omitzero"`    // not before: it waits, for Why
	Why        string    `json:"why,omitempty"`        //
	Doubt      bool      `json:"doubt,omitempty"`      // an attempt may have been taken
	DoubtUntil time.Time `json:"doubt_until,omitzero"` // how long to wait for a callback that settles a doubt
	Look       bool      `json:"look,omitempty"`       // it is looked for before it is sent: it may be at the carrier
	Relived    bool      `json:"relived,omitempty"`    // enqueued after a reset: it may have been sent in the life before
	TakenBack  bool      `json:"taken_back,omitempty"` // nobody wants it sent any more
	Trace      string    `json:"trace,omitempty"`      // of what made us send it
}

// A Text is a message from the contact on its way to a question or the responder.
type Text struct {
	sms.Inbound
	At    time.Time `json:"at"`
	Trace string    `json:"trace,omitempty"`
}

// KeyOf is the key that goes to the carrier with an attempt: each after a doubt has
// its own, so that a receipt says which of them arrived. The first attempt is 0.
func (m *Message) KeyOf(attempt int) string {
	if attempt == 0 {
		return m.Key
	}
	return m.Key + "." + strconv.Itoa(attempt+1)
}

// Keys are those of all attempts so far.
func (m *Message) Keys() []string {
	var keys []string
	for i := range m.Attempts + 1 {
		keys = append(keys, m.KeyOf(i))
	}
	return keys
}

// Step remembers how a message came to its status. Another attempt that ends
// like the one before adds nothing.
func (m *Message) Step(status sms.Status, reason string, at time.Time, messageID string) {
	if n := len(m.Steps); n > 0 && m.Steps[n-1].Status == status && m.Steps[n-1].Reason == reason || n >= maxSteps {
		return
	}
	m.Steps = append(m.Steps, Step{Status: status, Reason: reason, At: at, MessageID: messageID})
}

// Settled reports whether a message is what it will most likely stay.
func (m *Message) Settled() bool { return m.Key == "" || m.Status.Final() }

// RecordID is the id of the message's record in the archive.
func (m *Message) RecordID() string {
	if m.Key != "" {
		return m.Key
	}
	return "in:" + m.MessageID
}

// Label is a message's reason as the label of a metric. There are few: codes that
// nobody knows are all one.
func (m *Message) Label() string {
	switch {
	case m.Class != "":
		return m.Reason
	case m.MessageID == "":
		return "not sent"
	}
	return "other"
}

// A Turn is one piece of work of the responder.
type Turn struct {
	ID       string     `json:"id"`
	Texts    []Text     `json:"texts"`
	Tries    int        `json:"tries,omitempty"`
	Bad      int        `json:"bad,omitempty"`  // tries that ended with an answer which makes no sense
	Since    time.Time  `json:"since,omitzero"` // when it failed first
	NextTry  time.Time  `json:"next_try,omitzero"`
	Void     bool       `json:"void,omitempty"`      // the contact opted out meanwhile: whatever it decides is too late
	Epoch    int        `json:"epoch,omitempty"`     // of the floor, when the last try began
	Worker   *ScriptRef `json:"worker,omitempty"`    // the workflow that works on it, and will say what it decided
	Begun    time.Time  `json:"begun,omitzero"`      // when that began
	ReplyKey string     `json:"reply_key,omitempty"` // its reply, once decided: the floor is held until it is sent
	Start    *Starting  `json:"start,omitempty"`     // a script to start, once decided
}

// Trace is that of the text which began the last try.
func (t *Turn) Trace() string { return t.Texts[len(t.Texts)-1].Trace }
