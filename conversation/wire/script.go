package wire

import (
	"encoding/json"
	"time"
)

// A ScriptOutcome is how a script ended, for the business system that asked for it.
type ScriptOutcome struct {
	ID         string          `json:"id"` // of the script's run and its ending: the idempotency key
	Script     string          `json:"script"`
	WorkflowID string          `json:"workflow_id"`
	Reference  string          `json:"reference"`        // the business's own id: an appointment, an order
	Outcome    string          `json:"outcome"`          // one word: of the script's own list, or one of those below
	Result     json.RawMessage `json:"result,omitempty"` // the script's typed result
	Error      string          `json:"error,omitempty"`  // of one that ended without a result
	Time       time.Time       `json:"time"`
}

// What a script's outcome is if its result does not say. One that ends with how
// its question ended has the word for that.
const (
	OutcomeCompleted = "completed"
	OutcomeFailed    = "failed"
	OutcomeCancelled = "cancelled"
)
