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

// A Carrier takes texts. Both methods return a *sms.SendError that says what may
// be concluded when they do not end well.
type Carrier interface {
	Send(ctx context.Context, m sms.Outbound) (sms.Accepted, error)
	Find(ctx context.Context, s sms.Search) (sms.Finding, error)
}

// Messaging are the only activities that need the carrier's credentials.
type Messaging struct {
	Carrier Carrier
	Now     func() time.Time // nil: the machine's clock
}

// SendMessage hands one text to the carrier, which has no idempotency key; so
// an attempt whose outcome is in doubt must not be repeated blindly. Its errors are
// typed: wire.SendNotTaken and its like.
func (m *Messaging) SendMessage(ctx context.Context, in wire.SendInput) (sms.Accepted, error) {
	accepted, err := m.send(ctx, in)
	outcome, reason := outcomeOf(err)
	count(ctx, outcome, reason)
	return accepted, err
}

func (m *Messaging) send(ctx context.Context, in wire.SendInput) (sms.Accepted, error) {
	if !in.Until.IsZero() {
		// The task may have waited for a worker for minutes.
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

// FindMessage looks whether the carrier has a text whose sending ended in doubt.
func (m *Messaging) FindMessage(ctx context.Context, s sms.Search) (sms.Finding, error) {
	finding, err := m.Carrier.Find(ctx, s)
	switch {
	case err != nil:
		return sms.Finding{}, typed(err, sms.NotTaken)
	case finding.Accepted != nil:
		count(ctx, "found", "")
	}
	return finding, nil
}

// metricSends counts attempts to send, by outcome and by the carrier's code.
const metricSends = "parley_sends"

func count(ctx context.Context, outcome, reason string) {
	activity.GetMetricsHandler(ctx).WithTags(map[string]string{"outcome": outcome, "reason": reason}).Counter(metricSends).Inc(1)
}

// kinds are the errors' types, and the words of the metric, for what may be concluded.
var kinds = map[sms.Doubt]struct{ errType, outcome string }{
	sms.NotTaken:  {wire.SendNotTaken, "not_taken"},
	sms.Refused:   {wire.SendRefused, "refused"},
	sms.Denied:    {wire.SendDenied, "denied"},
	sms.TooLate:   {wire.SendTooLate, "too_late"},
	sms.Ambiguous: {wire.SendAmbiguous, "ambiguous"},
}

func outcomeOf(err error) (outcome, reason string) {
	failed, known := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case err == nil:
		return "accepted", ""
	case !known:
		return "cancelled", ""
	}
	_ = failed.Details(&reason) // there is always one
	for _, k := range kinds {
		if k.errType == failed.Type() {
			outcome = k.outcome
		}
	}
	return outcome, reason
}

func (m *Messaging) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// typed translates a carrier's error. One of unknown kind is given the class that is
// safe at its place.
func typed(err error, unknown sms.Doubt) error {
	failed := &sms.SendError{Doubt: unknown, Code: "UNKNOWN"}
	errors.As(err, &failed)
	return temporal.NewNonRetryableApplicationError(failed.Error(), kinds[failed.Doubt].errType, nil, failed.Code, failed.RetryAfter)
}
