package conversation

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
func (o *OptOut) Remembered() bool { return o != nil && o.Source == sourceErased }

// sourceErased is the source of the opt-out of a contact who was erased. Its
// evidence is gone with everything else.
const sourceErased = "erased"
