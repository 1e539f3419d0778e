package client

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"parley/conversation/wire"
	"parley/sms"
	"parley/understand"
)

// InboundEvent classifies a message from a contact and makes its event. Whoever
// brings messages makes their events here, so that all of them bring the same
// verdict with the same text.
func InboundEvent(m sms.Inbound, at time.Time) (wire.Envelope, error) {
	return inboundEvent(understand.Classify, m, at)
}

func inboundEvent(classify func(text string, isText bool) sms.Verdict, m sms.Inbound, at time.Time) (wire.Envelope, error) {
	m.Verdict = verdict(classify, m)
	return wire.InboundEvent(m, at)
}

// verdict is nil if the rules break on a text. That must not keep the text from its
// conversation, which knows the most important words by itself.
func verdict(classify func(text string, isText bool) sms.Verdict, m sms.Inbound) (v *sms.Verdict) {
	defer func() {
		if cause := recover(); cause != nil {
			// Of the cause only its type: the rest may repeat the text.
			slog.Error("a text could not be classified, and goes without a verdict: please report this",
				"message_id", m.ID, "cause", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			v = nil
		}
	}()
	decided := classify(m.Text, m.Kind == sms.KindText)
	return &decided
}
