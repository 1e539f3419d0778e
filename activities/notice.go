package activities

import (
	"context"
	"time"

	"parley/sms"
)

// A Notice tells a person that work was parked in a conversation.
type Notice struct {
	ID           string     `json:"id"`           // of what was parked: the idempotency key
	Conversation string     `json:"conversation"` // the workflow id
	Contact      sms.Number `json:"contact"`
	Sender       sms.Sender `json:"sender,omitempty"`
	Code         string     `json:"code"`   // one of a few words, see docs/glossary.md
	Reason       string     `json:"reason"` // one sentence
	Key          string     `json:"key,omitempty"`
	Reference    string     `json:"reference,omitempty"`
	At           time.Time  `json:"at"`
}

// Notices tell people that something waits for them.
type Notices struct {
	Hook Hook
}

// NotifyPerson posts the notice to PARLEY_NOTIFY_URL. It may be called twice
// with the same notice, which then carries the same idempotency key.
func (n *Notices) NotifyPerson(ctx context.Context, notice Notice) error {
	if n.Hook.URL == "" {
		return nil
	}
	return n.Hook.Tell(ctx, "PARLEY_NOTIFY_URL", notice.ID, notice)
}
