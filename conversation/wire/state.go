package wire

import (
	"time"

	"parley/sms"
)

// State is everything a conversation knows: the answer to its query, the input
// of its next run, and its result when it closes.
type State struct {
	Schema     int        `json:"schema"`
	Contact    sms.Number `json:"contact"`
	Sender     sms.Sender `json:"sender,omitempty"`
	FirstRunID string     `json:"first_run_id"`
	StartedAt  time.Time  `json:"started_at"`
	ActiveAt   time.Time  `json:"active_at"`
	Run        int        `json:"run"` // counts continue-as-new

	Before     []Line            `json:"before,omitempty"`     // the end of an earlier conversation, from the archive
	Transcript []Message         `json:"transcript,omitempty"` // oldest first; what was said, and what became of it
	Outbox     []Message         `json:"outbox,omitempty"`     // what the carrier has not taken yet, in order
	Resends    []Message         `json:"resends,omitempty"`    // of texts that did not arrive; each waits for its time
	Questions  []PendingQuestion `json:"questions,omitempty"`  // the first may be open, the others wait
	Floor      Floor             `json:"floor,omitzero"`
	Inbox      []Text            `json:"inbox,omitempty"`   // texts not yet given to a question or the responder
	Backlog    []Text            `json:"backlog,omitempty"` // texts that wait for the responder
	Turn       *Turn             `json:"turn,omitempty"`    // what the responder is working on
	Redo       []Turn            `json:"redo,omitempty"`    // turns that were parked and wait for another try
	Says       []Say             `json:"says,omitempty"`    // scripts' messages that wait for the floor
	Watches    []Watch           `json:"watches,omitempty"` // scripts that want to know whether a text arrived
	OptedOut   *OptOut           `json:"opted_out,omitempty"`
	OptedIn    time.Time         `json:"opted_in,omitzero"` // by the carrier's clock, of the last START that counted
	Parked     []Parked          `json:"parked,omitempty"`
	Mended     []Mended          `json:"mended,omitempty"` // what was parked, and what a person did about it
	Errands    []Errand          `json:"errands,omitempty"`
	Concerns   []Concern         `json:"concerns,omitempty"` // what needs a person, one for each cause

	Settings      Settings      `json:"settings"`
	LastKey       int           `json:"last_key"`
	Seen          []Seen        `json:"seen,omitempty"`
	Requests      []Request     `json:"requests,omitempty"`
	Outcomes      []Ended       `json:"outcomes,omitempty"`
	EarlyReceipts []sms.Receipt `json:"early_receipts,omitempty"`
	RepliedAt     []time.Time   `json:"replied_at,omitempty"` // of the last hour's automatic texts
	LastDropped   int           `json:"last_dropped,omitempty"`
	LastParked    int           `json:"last_parked,omitempty"`
	Recalled      bool          `json:"recalled,omitempty"` // the archive was asked for what was said before
	Evictees      []Message     `json:"evictees,omitempty"` // left the transcript before they were archived
	ArchiveAt     time.Time     `json:"archive_at,omitzero"`
	ArchiveAway   bool          `json:"archive_away,omitempty"` // it took nothing the last time
	Evicted       int           `json:"evicted,omitempty"`
	Skipped       []Skipped     `json:"skipped,omitempty"`
	Shown         Shown         `json:"shown,omitzero"`
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
