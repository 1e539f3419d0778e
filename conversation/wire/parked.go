package wire

import (
	"time"
)

// A ParkCode says in one word why work was parked. There are few, so that they
// can be listed, counted and retried together.
type ParkCode string

// Why work is parked.
const (
	ParkedUnreachable ParkCode = "responder-unreachable" // for longer than the patience with it
	ParkedBadAnswer   ParkCode = "responder-bad-answer"  // each time it was asked
	ParkedScript      ParkCode = "script-start"          // a script that the responder wants cannot be started
	ParkedDenied      ParkCode = "send-denied"           // by the carrier, because of the account or the settings
	ParkedCarrierAway ParkCode = "carrier-away"          // it took nothing for a day
	ParkedInDoubt     ParkCode = "in-doubt"              // nobody can say whether the carrier took the text
	ParkedHandedOver  ParkCode = "handed-over"           // the responder wants a person to go on
	ParkedLoop        ParkCode = "loop"                  // more automatic texts an hour than a person would want
)

// ParkCodes are all of them.
func ParkCodes() []ParkCode {
	return []ParkCode{ParkedUnreachable, ParkedBadAnswer, ParkedScript, ParkedDenied, ParkedCarrierAway, ParkedInDoubt, ParkedHandedOver, ParkedLoop}
}

// Parked is work that failed for good and waits for a person: a turn of the
// responder, or a message.
type Parked struct {
	ID      string    `json:"id,omitempty"`
	Code    ParkCode  `json:"code,omitempty"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Turn    *Turn     `json:"turn,omitempty"`
	Message *Message  `json:"message,omitempty"`
}

// Mended is parked work that a person has dealt with.
type Mended struct {
	ID      string    `json:"id"`
	Code    ParkCode  `json:"code"`
	Retried bool      `json:"retried"` // else it was given up
	By      string    `json:"by,omitempty"`
	Why     string    `json:"why,omitempty"`
	At      time.Time `json:"at"`
}

// Size is about what the work takes of the state, in bytes.
func (p Parked) Size() int {
	n := 0
	if p.Message != nil {
		n += len(p.Message.Text)
	}
	if p.Turn != nil {
		for _, t := range p.Turn.Texts {
			n += len(t.Text)
		}
		if p.Turn.Start != nil {
			n += len(p.Turn.Start.Input)
		}
	}
	return n
}
