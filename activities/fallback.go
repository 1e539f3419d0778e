package activities

import (
	"context"
	"time"

	"parley/sms"
)

// Undelivered is a text that failed for good.
type Undelivered struct {
	Key       string     `json:"key"` // of the message: the idempotency key
	Contact   sms.Number `json:"contact"`
	Sender    sms.Sender `json:"sender,omitempty"`
	From      string     `json:"from"` // who wrote it: a script's type, "responder", who asked for it
	Text      string     `json:"text"`
	Reference string     `json:"reference,omitempty"`
	Reason    string     `json:"reason"`             // the carrier's code
	Question  bool       `json:"question,omitempty"` // it asked for an answer by text, which nobody waits for any more
	At        time.Time  `json:"at"`                 // when it failed
}

// A Fallback reaches a contact by another way than a text: e-mail, push, a
// letter. It may be handed the same text twice.
type Fallback interface {
	FallBack(ctx context.Context, u Undelivered) error
}

// HookFallback hands texts to a service of the user's own.
type HookFallback struct {
	Hook Hook
}

// FallBack posts the text to PARLEY_FALLBACK_URL.
func (f HookFallback) FallBack(ctx context.Context, u Undelivered) error {
	return f.Hook.Tell(ctx, "PARLEY_FALLBACK_URL", u.Key, u)
}

// Fallbacks hand over what could not be delivered.
type Fallbacks struct {
	Fallback Fallback // nil: there is none
}

// HandOver gives a text that failed for good to the fallback.
func (f *Fallbacks) HandOver(ctx context.Context, u Undelivered) error {
	if f.Fallback == nil {
		return nil
	}
	return f.Fallback.FallBack(ctx, u)
}
