package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	"parley/sms"
)

// Appointment is what AppointmentConfirmation needs to know. As JSON, times
// are RFC 3339 and durations are written like "24h".
type Appointment struct {
	ID           string     `json:"appointment_id"`
	Contact      sms.Number `json:"contact"`
	FirstName    string     `json:"first_name"`
	Business     string     `json:"business_name"`
	Start        time.Time  `json:"start"`
	Zone         string     `json:"zone"`                    // IANA name of the contact's time zone: Europe/Berlin
	RemindBefore Duration   `json:"remind_before,omitempty"` // default 24h
	Sender       sms.Sender `json:"sender,omitempty"`        // which of our numbers; default the first
}

// AppointmentOutcome is the one word for how it ended.
type AppointmentOutcome string

// Every way an AppointmentConfirmation can end: what the contact wants, or how the question ended.
const (
	AppointmentConfirmed     AppointmentOutcome = "confirmed"
	AppointmentReschedule    AppointmentOutcome = "reschedule requested"
	AppointmentDeclined      AppointmentOutcome = "declined"
	AppointmentNoReply                          = AppointmentOutcome(conversation.ErrNoReply)
	AppointmentNotUnderstood                    = AppointmentOutcome(conversation.ErrNotUnderstood)
	AppointmentUndeliverable                    = AppointmentOutcome(conversation.ErrUndeliverable)
	AppointmentOptedOut                         = AppointmentOutcome(conversation.ErrOptedOut)
	AppointmentTooLate                          = AppointmentOutcome(conversation.ErrTooLate)
	AppointmentTakenOver                        = AppointmentOutcome(conversation.ErrTakenOver)
)

// AppointmentResult is how the contact answered.
type AppointmentResult struct {
	ID        string                `json:"appointment_id"`
	Outcome   AppointmentOutcome    `json:"outcome"`
	Words     string                `json:"words,omitempty"`     // opted out, not understood: what the contact wrote
	Delivered conversation.Delivery `json:"delivered,omitempty"` // no reply: did the reminder arrive?
	Reason    string                `json:"reason,omitempty"`    // undeliverable: why
}

// Check says what is missing or makes no sense.
func (in Appointment) Check() error {
	_, err := in.zone()
	return err
}

// AppointmentConfirmation reminds a contact of an appointment and asks whether
// it suits. It asks once more if nobody answers, and never after the
// appointment has begun.
func AppointmentConfirmation(ctx workflow.Context, in Appointment) (AppointmentResult, error) {
	zone, err := in.zone()
	if err != nil {
		return AppointmentResult{}, temporal.NewNonRetryableApplicationError(err.Error(), "InvalidInput", nil)
	}
	if err := conversation.SleepUntil(ctx, in.Start.Add(-in.RemindBefore.Or(24*time.Hour))); err != nil {
		return AppointmentResult{}, err
	}

	chat := conversation.With(ctx, in.Contact, conversation.Over(in.Sender), conversation.About(in.ID))
	when := in.Start.In(zone).Format("Monday, January 2 at 3:04 PM")

	intent, err := in.ask(ctx, chat, fmt.Sprintf(
		"Hi %s, this is %s. We expect you on %s. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.", in.FirstName, in.Business, when))
	if errors.Is(err, conversation.ErrNoReply) && workflow.Now(ctx).Before(in.Start) {
		intent, err = in.ask(ctx, chat, fmt.Sprintf(
			"%s here again: please let us know if you can come on %s. Reply YES or NO.", in.Business, when))
	}
	result, err := in.result(intent, err)
	if err != nil {
		return AppointmentResult{}, err
	}

	if goodbye := in.goodbye(result.Outcome, when); goodbye != "" {
		if _, err := chat.Say(ctx, goodbye); err != nil {
			return result, err
		}
	}
	return result, nil
}

// ask asks whether the appointment suits, and waits for at most half of the
// time that is left, so that there is time to ask again.
func (in Appointment) ask(ctx workflow.Context, chat *conversation.Chat, text string) (Intent, error) {
	left := in.Start.Sub(workflow.Now(ctx))
	return conversation.Ask(ctx, chat, conversation.Question[Intent]{
		Text:        text,
		Answer:      UnderstandIntent,
		Reprompt:    "Sorry, I did not get that. Please reply YES if you can come, NO if you cannot, or RESCHEDULE for another time.",
		Attempts:    3,
		Timeout:     min(max(left/2, time.Minute), 24*time.Hour),
		UsefulUntil: in.Start,
	})
}

// answered are the outcomes of answers that were understood.
var answered = map[Intent]AppointmentOutcome{Confirm: AppointmentConfirmed, Reschedule: AppointmentReschedule, Decline: AppointmentDeclined}

// result names the ending. Only what is no ending is an error; so is a question
// that another run of the same script has taken over.
func (in Appointment) result(intent Intent, err error) (AppointmentResult, error) {
	ending, ended := errors.AsType[*conversation.Ending](err)
	switch {
	case ended && ending.Kind != conversation.ErrWithdrawn:
		return AppointmentResult{ID: in.ID, Outcome: AppointmentOutcome(ending.Kind), Words: ending.Words, Delivered: ending.Delivered, Reason: ending.Reason}, nil
	case err != nil:
		return AppointmentResult{ID: in.ID}, err
	}
	return AppointmentResult{ID: in.ID, Outcome: answered[intent]}, nil
}

func (in Appointment) goodbye(outcome AppointmentOutcome, when string) string {
	switch outcome {
	case AppointmentConfirmed:
		return fmt.Sprintf("Thank you! See you on %s.", when)
	case AppointmentReschedule:
		return fmt.Sprintf("No problem. %s will get in touch to find another time.", in.Business)
	case AppointmentDeclined:
		return fmt.Sprintf("Thanks for telling us. %s will not expect you on %s.", in.Business, when)
	case AppointmentNotUnderstood:
		return fmt.Sprintf("Sorry, we could not read your answer. %s will get in touch.", in.Business)
	default:
		return "" // nobody is listening
	}
}

// zone is the contact's time zone, once all of the input is found to make sense.
func (in Appointment) zone() (*time.Location, error) {
	switch {
	case in.ID == "":
		return nil, errors.New("appointment_id is missing")
	case in.Contact == "":
		return nil, errors.New(`contact is missing: a phone number such as "+15551234567"`)
	case in.FirstName == "" || in.Business == "":
		return nil, errors.New("first_name and business_name are needed for the text")
	case in.Start.IsZero():
		return nil, errors.New(`start is missing: a time such as "2026-03-10T15:30:00+01:00"`)
	case in.Zone == "":
		return nil, errors.New(`zone is missing: the contact's time zone, such as "Europe/Berlin"`)
	case in.RemindBefore < 0:
		return nil, errors.New(`remind_before must not be negative: a duration such as "24h"`)
	}
	zone, err := time.LoadLocation(in.Zone)
	if err != nil || in.Zone == "Local" {
		return nil, fmt.Errorf("zone %q is not known: use an IANA name such as Europe/Berlin", in.Zone)
	}
	return zone, nil
}
