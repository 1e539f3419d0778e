package activities

import (
	"context"
	"encoding/json"
	"time"
)

// An Outcome is how a script ended, for the business system that asked for it.
type Outcome struct {
	ID        string          `json:"id"` // of the script's run and its ending: the idempotency key
	Script    string          `json:"script"`
	Reference string          `json:"reference"` // the business's own id: an appointment, an order
	Outcome   string          `json:"outcome"`   // one word of the script's own list
	Result    json.RawMessage `json:"result"`    // the script's typed result
	Time      time.Time       `json:"time"`
}

// Outcomes tells the business system how scripts ended.
type Outcomes struct {
	Hook Hook
}

// RecordOutcome posts the outcome to PARLEY_OUTCOME_URL; without one, the
// workflow's result is the only record. It may be called twice with the same
// outcome, which then carries the same idempotency key.
func (o *Outcomes) RecordOutcome(ctx context.Context, outcome Outcome) error {
	if o.Hook.URL == "" {
		return nil
	}
	return o.Hook.Tell(ctx, "PARLEY_OUTCOME_URL", outcome.ID, outcome)
}
