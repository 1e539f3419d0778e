package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"parley/conversation/wire"
	"parley/sms"
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
	Now     func() time.Time // nil: the machine's clock
}

// SendMessage hands one text to the carrier, which has no idempotency key; so
// an attempt whose outcome is in doubt is never repeated here. Its errors are
// typed, and only wire.SendNotTaken may be retried blindly.
func (m *Messaging) SendMessage(ctx context.Context, in wire.SendInput) (sms.Accepted, error) {
	accepted, err := m.send(ctx, in)
	outcome, reason := outcomeOf(accepted, err)
	activity.GetMetricsHandler(ctx).WithTags(map[string]string{"outcome": outcome, "reason": reason}).Counter(metricSends).Inc(1)
	return accepted, err
}

func (m *Messaging) send(ctx context.Context, in wire.SendInput) (sms.Accepted, error) {
	if in.Look != nil {
		finding, err := m.Carrier.Find(ctx, *in.Look)
		switch {
		case err != nil:
			return sms.Accepted{}, typed(err, sms.NotTaken)
		case finding.Accepted != nil:
			found := *finding.Accepted
			found.Found = true
			return found, nil
		case in.Settle:
			return sms.Accepted{}, typed(&sms.SendError{Doubt: sms.Unknown, Code: "UNKNOWN", Detail: "the carrier's list does not show the text, which was sent several times"}, sms.Unknown)
		case !finding.Certain && in.Park:
			return sms.Accepted{}, typed(&sms.SendError{Doubt: sms.Unknown, Code: "UNKNOWN", Detail: "the carrier keeps no list that could tell whether it took this text"}, sms.Unknown)
		}
		// Looking takes time, and the contact may have said STOP meanwhile. Only who
		// reports a heartbeat is told.
		activity.RecordHeartbeat(ctx)
		if err := ctx.Err(); err != nil {
			return sms.Accepted{}, temporal.NewCanceledError()
		}
		activity.GetLogger(ctx).Info("Sending a text again whose first attempt was not found at the carrier", "key", in.Message.Key, "certain", finding.Certain)
	}
	// Each try looks at the clock: the server may have let minutes pass since the
	// one before.
	if !in.Until.IsZero() {
		if in.Message.TTL = in.Until.Sub(m.now()); in.Message.TTL <= 0 {
			return sms.Accepted{}, typed(&sms.SendError{Doubt: sms.TooLate, Code: "TOO_LATE"}, sms.TooLate)
		}
	}
	accepted, err := m.Carrier.Send(ctx, in.Message)
	if err != nil {
		return sms.Accepted{}, typed(err, sms.Ambiguous)
	}
	return accepted, nil
}

// metricSends counts attempts to send, by outcome and by the carrier's code.
const metricSends = "parley_sends"

// outcomes are the errors' types, as words of that metric.
var outcomes = map[string]string{
	wire.SendNotTaken: "not_taken", wire.SendRefused: "refused", wire.SendDenied: "denied", wire.SendTooLate: "too_late", wire.SendUnknown: "unknown", wire.SendAmbiguous: "ambiguous",
}

func outcomeOf(accepted sms.Accepted, err error) (outcome, reason string) {
	failed, known := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case err == nil && accepted.Found:
		return "found", ""
	case err == nil:
		return "accepted", ""
	case !known:
		return "cancelled", ""
	}
	_ = failed.Details(&reason) // there is always one
	return outcomes[failed.Type()], reason
}

func (m *Messaging) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// types are the errors' types, for the doubts that are not tried again here.
var types = map[sms.Doubt]string{
	sms.Refused: wire.SendRefused, sms.Denied: wire.SendDenied, sms.TooLate: wire.SendTooLate, sms.Unknown: wire.SendUnknown, sms.Ambiguous: wire.SendAmbiguous,
}

// typed translates a carrier's error for the server's retry policy. An error of
// unknown kind is given the class that is safe at its place.
func typed(err error, unknown sms.Doubt) error {
	failed := &sms.SendError{Doubt: unknown, Code: "UNKNOWN"}
	errors.As(err, &failed)
	if failed.Doubt == sms.NotTaken {
		// A carrier may ask for hours; a conversation wants to be able to move on.
		wait := min(failed.RetryAfter, 2*time.Minute)
		return temporal.NewApplicationErrorWithOptions(failed.Error(), wire.SendNotTaken,
			temporal.ApplicationErrorOptions{NextRetryDelay: wait, Details: []any{failed.Code}})
	}
	return temporal.NewNonRetryableApplicationError(failed.Error(), types[failed.Doubt], nil, failed.Code)
}
