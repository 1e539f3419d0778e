package activities

import (
	"context"

	"parley/conversation/wire"
)

// An Outcome is how a script ended, for the business system that asked for it.
type Outcome = wire.ScriptOutcome

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
