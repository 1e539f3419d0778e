package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	"parley/sms"
)

// Visit is what Feedback asks about.
type Visit struct {
	Contact  sms.Number `json:"contact"`
	Business string     `json:"business_name"`
}

// Rating is what the contact answered; empty if nothing came.
type Rating struct {
	Stars string `json:"stars,omitempty"`
	Why   string `json:"why,omitempty"`
}

// Feedback asks how a visit was, and why if it was not good.
func Feedback(ctx workflow.Context, in Visit) (Rating, error) {
	chat := conversation.With(ctx, in.Contact)

	stars, err := conversation.Ask(ctx, chat, conversation.Question[string]{
		Text:     "How was your visit to " + in.Business + "? Reply with a number from 1 (poor) to 5 (great).",
		Answer:   conversation.OneOf("1", "2", "3", "4", "5"),
		Reprompt: "Please reply with one number from 1 to 5.",
		Attempts: 2,
	})
	var ending *conversation.Ending
	switch {
	case errors.As(err, &ending):
		return Rating{}, nil // no answer is an answer
	case err != nil:
		return Rating{}, err
	case stars > "3":
		_, err = chat.Say(ctx, "Thank you! We are glad you liked it.")
		return Rating{Stars: stars}, err
	}

	why, err := conversation.Ask(ctx, chat, conversation.Question[string]{
		Text:   "We are sorry to hear that. What went wrong?",
		Answer: conversation.AnyText(),
	})
	switch {
	case errors.As(err, &ending):
		return Rating{Stars: stars}, nil
	case err != nil:
		return Rating{}, err
	}
	_, err = chat.Say(ctx, "Thank you for telling us. We will do better.")
	return Rating{Stars: stars, Why: why}, err
}
