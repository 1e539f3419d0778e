package client

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

// A Teller brings an event to a conversation, and starts that if it is not running.
type Teller interface {
	Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error
}

// Telling is how scripts speak to conversations: each worker that runs scripts
// registers it.
type Telling struct {
	Teller Teller
	IDs    wire.IDs

	// Sender tells which of a contact's conversations belongs to an address of
	// ours: the one without a sender for the default address. Nil: each has its own.
	Sender func(address sms.Sender) sms.Sender
}

// Register adds to a worker what its scripts need to speak.
func (t Telling) Register(r worker.Registry) {
	r.RegisterActivityWithOptions(t.tellConversation, activity.RegisterOptions{Name: wire.TellActivity})
}

func (t Telling) tellConversation(ctx context.Context, in wire.Telling) (string, error) {
	if in.Again == 0 {
		in.ID = t.IDs.AskID(in.ID)
	}
	// A repeat on purpose, or by a run that was reset, wants to be heard although
	// the id is known; a repeat of this activity does not.
	ctx = withRequestID(ctx, fmt.Sprintf("%s:%s@%s#%d", in.Kind, in.ID, activity.GetInfo(ctx).WorkflowExecution.RunID, in.Again))
	if in.Contact == "" {
		return "", temporal.NewNonRetryableApplicationError("the script has no contact to talk to: its input lacks the phone number", "NoContact", nil)
	}
	sender := numbers.ParseSender(string(in.Sender))
	if t.Sender != nil {
		sender = t.Sender(sender)
	}
	return in.ID, t.Teller.Tell(ctx, in.Contact, sender, wire.Envelope{Schema: wire.Schema, ID: in.ID, Kind: in.Kind, At: time.Now(), Body: in.Body, Trace: in.Trace})
}
