package wire

import (
	"time"
)

// Trouble says that a script cannot go on, or can again. It is about one workflow
// id: what is said last of it holds.
type Trouble struct {
	Script  ScriptRef `json:"script"`
	Reason  string    `json:"reason,omitempty"`  // goes on behind the script's type; only what comes after ": " may hold a contact's words
	Over    bool      `json:"over,omitempty"`    // it has ended, and does not go on by itself
	Settled bool      `json:"settled,omitempty"` // the trouble has passed
}

// TroubleID is the id of such an event. What names one trouble of a run in one
// word, so that everybody who sees it tells it under the same id.
func TroubleID(runID, what string) string { return "trouble:" + runID + ":" + what }

// TroubleFailed is what of a script that returned an error: it tells so itself, and
// who finds it later repeats that.
const TroubleFailed = "failed"

// TroubleEvent is the envelope of a script's trouble.
func TroubleEvent(runID, what string, t Trouble, at time.Time) (Envelope, error) {
	return NewEnvelope(KindTrouble, TroubleID(runID, what), at, t)
}
