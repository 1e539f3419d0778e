package wire

import (
	"time"

	"parley/sms"
)

// A Closing is what the archive keeps about a conversation that closed or
// continues as new, besides its messages.
type Closing struct {
	Contact   sms.Number `json:"contact"`
	Sender    sms.Sender `json:"sender,omitempty"`
	Run       int        `json:"run"`
	StartedAt time.Time  `json:"started_at"`
	ActiveAt  time.Time  `json:"active_at"`
	Continues bool       `json:"continues"` // as new; else it closed
	OptedOut  *OptOut    `json:"opted_out,omitempty"`
	Parked    []Parked   `json:"parked,omitempty"`
	Mended    []Mended   `json:"mended,omitempty"`
	Evicted   int        `json:"evicted,omitempty"`
}

// Remembered reports whether an opt-out is kept by a record, and not only here.
func (o *OptOut) Remembered() bool { return o != nil && o.Source == SourceErased }

// SourceErased is the source of the opt-out of a contact who was erased. Its
// evidence is gone with everything else.
const SourceErased = "erased"

// A record is a workflow that never runs code; its existence is the fact. It is
// how a namespace remembers what has to outlive its retention.
const (
	KeyRecordType     = "IDKey"       // how the workflow ids of this namespace are made
	SuppressionType   = "Suppression" // a contact who was erased, and gets nothing
	KeyRecordID       = "parley:id-key"
	FingerprintMemo   = "fingerprint-" // and that of the key, since a memo's name is never encrypted
	suppressionPrefix = "suppression:"
)

// SuppressionID is the workflow id of the record of a contact who was erased.
func (i IDs) SuppressionID(contact sms.Number) string {
	return suppressionPrefix + i.Hide("contact", string(contact))
}

// LiftedID is the workflow id of the record that this contact has written START to
// a sender since.
func (i IDs) LiftedID(contact sms.Number, sender sms.Sender) string {
	return i.SuppressionID(contact) + ":lifted:" + i.Hide("sender", string(sender))
}

// RecordLife is how long the server keeps a record without asking a worker about
// it: longer than any build, key or worker lives.
const RecordLife = 50 * 365 * 24 * time.Hour
