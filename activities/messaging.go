package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"parley/sms"
)

// The types of the errors that SendMessage ends with. The conversation tells
// the server to retry the first and to bring the others straight back.
const (
	ErrTypeNotTaken  = "NotTaken"  // refused before the carrier took it
	ErrTypeRefused   = "Refused"   // refused for good, because of the text itself
	ErrTypeDenied    = "Denied"    // refused because of the account or the settings
	ErrTypeAmbiguous = "Ambiguous" // the carrier may have taken it
)

// A Carrier takes texts. Send returns a *sms.SendError that says what may be
// concluded when it does not end well.
type Carrier interface {
	Send(ctx context.Context, m sms.Outbound) (sms.Accepted, error)
	Find(ctx context.Context, s sms.Search) (sms.Finding, error)
}

// Messaging sends texts; it is the only activity that needs the carrier's credentials.
type Messaging struct {
	Carrier Carrier
}

// SendInput is one text, and what to look for first if it may have left before.
type SendInput struct {
	Message sms.Outbound `json:"message"`
	Look    *sms.Search  `json:"look,omitempty"`
	Park    bool         `json:"park,omitempty"` // if nobody can know whether it left: do not send again
}

// SendMessage hands one text to the carrier, which has no idempotency key; so
// an attempt whose outcome is in doubt is never repeated here. Its errors are
// typed (ErrTypeNotTaken, ErrTypeRefused, ErrTypeDenied, ErrTypeAmbiguous), and
// only the first may be retried blindly.
func (m *Messaging) SendMessage(ctx context.Context, in SendInput) (sms.Accepted, error) {
	if in.Look != nil {
		finding, err := m.Carrier.Find(ctx, *in.Look)
		switch {
		case err != nil:
			return sms.Accepted{}, typed(err, sms.NotTaken)
		case finding.Accepted != nil:
			return *finding.Accepted, nil
		case !finding.Certain && in.Park:
			return sms.Accepted{}, typed(&sms.SendError{Doubt: sms.Ambiguous, Code: "UNKNOWN", Detail: "the carrier keeps no list that could tell whether it took this text"}, sms.Ambiguous)
		}
		// Looking takes time, and the contact may have said STOP meanwhile. Only who
		// reports a heartbeat is told.
		activity.RecordHeartbeat(ctx)
		if err := ctx.Err(); err != nil {
			return sms.Accepted{}, temporal.NewCanceledError()
		}
		activity.GetLogger(ctx).Info("Sending a text again whose first attempt was not found at the carrier", "key", in.Message.Key, "certain", finding.Certain)
	}
	accepted, err := m.Carrier.Send(ctx, in.Message)
	if err != nil {
		return sms.Accepted{}, typed(err, sms.Ambiguous)
	}
	return accepted, nil
}

// typed translates a carrier's error for the server's retry policy. An error of
// unknown kind is given the class that is safe at its place.
func typed(err error, unknown sms.Doubt) error {
	failed := &sms.SendError{Doubt: unknown, Code: "UNKNOWN"}
	errors.As(err, &failed)
	switch failed.Doubt {
	case sms.NotTaken:
		// A carrier may ask for hours; a conversation wants to be able to move on.
		wait := min(failed.RetryAfter, 2*time.Minute)
		return temporal.NewApplicationErrorWithOptions(failed.Error(), ErrTypeNotTaken,
			temporal.ApplicationErrorOptions{NextRetryDelay: wait, Details: []any{failed.Code}})
	case sms.Refused:
		return temporal.NewNonRetryableApplicationError(failed.Error(), ErrTypeRefused, nil, failed.Code)
	case sms.Denied:
		return temporal.NewNonRetryableApplicationError(failed.Error(), ErrTypeDenied, nil, failed.Code)
	default:
		return temporal.NewNonRetryableApplicationError(failed.Error(), ErrTypeAmbiguous, nil, failed.Code)
	}
}
