package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"parley/conversation/wire"
	"parley/sms"
)

// A Turn is what the responder is asked to answer: one text of a contact that
// no script was waiting for, with the recent transcript. When an earlier try
// failed, the texts that arrived meanwhile have joined it.
type Turn struct {
	ID             string      `json:"id"`   // the same for every try
	From           sms.Number  `json:"from"` // the contact
	Sender         sms.Sender  `json:"sender,omitempty"`
	Text           string      `json:"text"` // joined with newlines if there are several
	Kind           sms.Kind    `json:"kind"`
	MessageID      string      `json:"message_id"` // the carrier's, of the last text
	ConversationID string      `json:"conversation_id,omitempty"`
	Time           time.Time   `json:"time"` // accepted by the carrier
	Reference      string      `json:"reference,omitempty"`
	Transcript     []wire.Line `json:"transcript"` // oldest first; empty for a contact who texts first
}

// HandleInboundMessageType is the name under which a worker registers
// HandleInboundMessage.
const HandleInboundMessageType = "HandleInboundMessage"

// The types of the errors that end a try of HandleInboundMessage.
const (
	ErrTypeUnreachable = "ResponderUnreachable"
	ErrTypeBadAnswer   = "ResponderBadAnswer"
)

// ResponderTimeout is how long a responder may think.
const ResponderTimeout = 60 * time.Second

// stopPatience is how long a responder may go on thinking when the worker is
// told to stop; the worker itself waits some seconds longer.
const stopPatience = 15 * time.Second

// Responder decides on replies: by itself, or by asking the service at URL.
type Responder struct {
	Hook Hook
}

// HandleInboundMessage decides what to do about a text that no script waits
// for. This is the place to edit: call a model, look something up, start a
// script. With PARLEY_RESPONDER_URL set, that service decides instead.
func (r *Responder) HandleInboundMessage(ctx context.Context, turn Turn) (wire.Decision, error) {
	if r.Hook.URL != "" {
		return r.ask(ctx, turn)
	}
	if turn.Kind != sms.KindText {
		return wire.Decision{}, nil
	}
	return wire.Decision{Reply: `Thanks for your message! You said: "` + turn.Text + `"`}, nil
}

func (r *Responder) ask(ctx context.Context, turn Turn) (wire.Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, ResponderTimeout)
	defer cancel()
	stopped := activity.GetWorkerStopChannel(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-stopped:
			// The worker waits for us for a while. Giving up before that is reported, and
			// the next try begins at once instead of when this one would have timed out.
			time.AfterFunc(stopPatience, cancel)
		}
	}()
	status, body, err := r.Hook.Post(ctx, turn.ID, turn)
	if err != nil {
		return wire.Decision{}, temporal.NewApplicationError("asking the responder: "+err.Error(), ErrTypeUnreachable)
	}
	return decide(status, body)
}

// decide understands the answer of a responder.
func decide(status int, body []byte) (wire.Decision, error) {
	if status == http.StatusNoContent {
		return wire.Decision{}, nil
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return wire.Decision{}, temporal.NewApplicationError(fmt.Sprintf("asking the responder: it answered HTTP %d", status), ErrTypeUnreachable)
	}
	if status != http.StatusOK {
		return wire.Decision{}, badAnswer("%s; want 200 with a decision, or 204 for nothing", Answered(status))
	}
	var decision wire.Decision
	if err := json.Unmarshal(body, &decision); err != nil {
		return wire.Decision{}, badAnswer(`its answer is not a decision, such as {"reply":"…"} or {"start":{"script":"…","input":{…}}} or {}`)
	}
	if decision.Start != nil && decision.Start.Script == "" {
		return wire.Decision{}, badAnswer(`its answer has "start" without "script"`)
	}
	return decision, nil
}

func badAnswer(format string, args ...any) error {
	return temporal.NewApplicationError("asking the responder: "+fmt.Sprintf(format, args...), ErrTypeBadAnswer)
}
