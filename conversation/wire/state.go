package wire

import (
	"time"

	"parley/sms"
)

// State is everything a conversation knows: the answer to its query, the input
// of its next run, and its result when it closes. Each piece belongs to a part of
// the engine; as JSON they are one flat object, for who reads it in a UI.
type State struct {
	Life
	Arrivals
	Consents
	Dialogue
	Responses
	Departures
	Chronicle
	Cares
	Services
}

// Life is whom a conversation is with, since when, and by which settings.
type Life struct {
	Schema     int        `json:"schema"`
	Contact    sms.Number `json:"contact"`
	Sender     sms.Sender `json:"sender,omitempty"`
	FirstRunID string     `json:"first_run_id"`
	StartedAt  time.Time  `json:"started_at"`
	ActiveAt   time.Time  `json:"active_at"`
	Run        int        `json:"run"` // counts continue-as-new
	Settings   Settings   `json:"settings"`
	Evicted    int        `json:"evicted,omitempty"` // what was let go, over some bound
	Shown      Shown      `json:"shown,omitzero"`
}

// Arrivals are events that came, and texts that nobody has taken up yet.
type Arrivals struct {
	Inbox   []Text    `json:"inbox,omitempty"` // not yet given to a question or the responder
	Seen    []Seen    `json:"seen,omitempty"`
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Consents are the contact's last wishes about being texted.
type Consents struct {
	OptedOut *OptOut   `json:"opted_out,omitempty"`
	OptedIn  time.Time `json:"opted_in,omitzero"` // by the carrier's clock, of the last START that counted
}

// Dialogue is what scripts want of the contact, and who may speak.
type Dialogue struct {
	Questions []PendingQuestion `json:"questions,omitempty"` // the first may be open, the others wait
	Floor     Floor             `json:"floor,omitzero"`
	Says      []Say             `json:"says,omitempty"`    // messages that wait for the floor
	Watches   []Watch           `json:"watches,omitempty"` // scripts that want to know whether a text arrived
	Outcomes  []Ended           `json:"outcomes,omitempty"`
}

// Responses are the responder's work.
type Responses struct {
	Backlog []Text `json:"backlog,omitempty"` // texts that wait for the responder
	Turn    *Turn  `json:"turn,omitempty"`    // what it is working on
	Redo    []Turn `json:"redo,omitempty"`    // turns that were parked and wait for another try
}

// Departures are texts on their way to the carrier.
type Departures struct {
	Outbox    []Message   `json:"outbox,omitempty"` // what the carrier has not taken yet, in order
	Held      []Message   `json:"held,omitempty"`   // what waits beside it for its time, such as what did not arrive
	Requests  []Request   `json:"requests,omitempty"`
	LastKey   int         `json:"last_key"`
	RepliedAt []time.Time `json:"replied_at,omitempty"` // of the last hour's automatic texts
}

// Chronicle is what was said, and what became of it.
type Chronicle struct {
	Transcript    []Message     `json:"transcript,omitempty"` // oldest first
	EarlyReceipts []sms.Receipt `json:"early_receipts,omitempty"`
	LastDropped   int           `json:"last_dropped,omitempty"`
}

// Cares are what needs a person.
type Cares struct {
	Parked     []Parked  `json:"parked,omitempty"`
	Mended     []Mended  `json:"mended,omitempty"`   // what was parked, and what a person did about it
	Concerns   []Concern `json:"concerns,omitempty"` // one for each cause
	LastParked int       `json:"last_parked,omitempty"`
}

// Services are the errands to other services, and what the archive knows.
type Services struct {
	Errands     []Errand  `json:"errands,omitempty"`
	Before      []Line    `json:"before,omitempty"`   // the end of an earlier conversation, from the archive
	Recalled    bool      `json:"recalled,omitempty"` // the archive was asked for that
	Evictees    []Message `json:"evictees,omitempty"` // left the transcript before they were archived
	ArchiveAt   time.Time `json:"archive_at,omitzero"`
	ArchiveAway bool      `json:"archive_away,omitempty"` // it took nothing the last time
}

// An OptOut is the contact's wish to get no more texts from this sender.
type OptOut struct {
	At        time.Time `json:"at"`
	Text      string    `json:"text"` // the words, as evidence
	MessageID string    `json:"message_id"`
	Source    string    `json:"source,omitempty"` // if it was not a text of the contact's: who brought it in
	Accepted  time.Time `json:"accepted_at"`      // by the carrier, of the last such words: a START from before them is void
}

// Seen is an envelope that has been taken, so that its duplicates are dropped.
type Seen struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// A Request is an idempotency key of a sender, and the message it stands for.
type Request struct {
	ID  string    `json:"id"`
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

// Skipped is an input that could not be understood.
type Skipped struct {
	ID     string    `json:"id,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Start is the input of a Conversation: whom it is with, and from its second
// run on everything it knows.
type Start struct {
	Contact sms.Number `json:"contact"`
	Sender  sms.Sender `json:"sender,omitempty"`
	State   *State     `json:"state,omitempty"`
}
