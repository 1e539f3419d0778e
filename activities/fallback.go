package activities

import (
	"context"

	"parley/conversation/wire"
)

// A Fallback reaches a contact by another way than a text: e-mail, push, a
// letter. It may be handed the same text twice.
type Fallback interface {
	FallBack(ctx context.Context, u wire.Undelivered) error
}

// HookFallback hands texts to a service of the user's own.
type HookFallback struct {
	Hook Hook
}

// FallBack posts the text to PARLEY_FALLBACK_URL.
func (f HookFallback) FallBack(ctx context.Context, u wire.Undelivered) error {
	return f.Hook.Tell(ctx, "PARLEY_FALLBACK_URL", u.Key, u)
}

// Fallbacks hand over what could not be delivered.
type Fallbacks struct {
	Fallback Fallback // nil: no fallback
}

// HandOver gives a text that failed for good to the fallback.
func (f *Fallbacks) HandOver(ctx context.Context, u wire.Undelivered) error {
	if f.Fallback == nil {
		return nil
	}
	return f.Fallback.FallBack(ctx, u)
}
