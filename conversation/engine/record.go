package engine

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// record is run when somebody cancels a record, which ends it, or after its life.
func record(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return false })
}

// Suppressions know who was erased. What they keep of a contact is the HMAC of
// the number.
type Suppressions interface {
	// Suppressed is when a contact was erased who has not written START to this
	// sender since; the zero time for all others.
	Suppressed(ctx context.Context, contact sms.Number, sender sms.Sender) (time.Time, error)
	// Lift notes a START. It may be called again.
	Lift(ctx context.Context, contact sms.Number, sender sms.Sender) error
}

// heedSuppression asks, in the first run of a conversation, whether the contact was erased.
// Nothing is taken before it is known: a text to somebody who was promised none is
// worse than a late one. A START from before that comes late, or once more, is void.
func (c *consent) heedSuppression() error {
	var since time.Time
	err := workflow.ExecuteLocalActivity(c.recordContext(), wire.SuppressedActivity, whose{c.Contact, c.Sender}).Get(c.ctx, &since)
	if err != nil {
		return fmt.Errorf("asking whether the contact was erased: %w", err)
	}
	if !since.IsZero() {
		c.OptedOut = &wire.OptOut{At: c.now(), Source: wire.SourceErased, Accepted: since}
	}
	return nil
}

// lift notes, for conversations to come, that the contact wants texts again.
func (c *consent) lift() {
	lifted := workflow.ExecuteLocalActivity(c.recordContext(), wire.LiftActivity, whose{c.Contact, c.Sender})
	c.launch(flightLift, lifted, func(workflow.Future) {})
}

// recordContext is for local activities about records.
func (c *consent) recordContext() workflow.Context {
	return workflow.WithLocalActivityOptions(c.ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: wire.LongOutage,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
}

// whose conversation it is.
type whose struct {
	Contact sms.Number `json:"contact"`
	Sender  sms.Sender `json:"sender,omitempty"`
}

func (t *Toolkit) suppressed(ctx context.Context, w whose) (time.Time, error) {
	return t.Suppressions.Suppressed(ctx, w.Contact, w.Sender)
}

func (t *Toolkit) liftSuppression(ctx context.Context, w whose) error {
	return t.Suppressions.Lift(ctx, w.Contact, w.Sender)
}
