package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"parley/conversation/wire"
	"parley/sms"
)

// known are suppressions with fixed answers.
type known struct {
	suppressed time.Time
	asked      int
	lifted     int
}

func (s *known) Suppressed(context.Context, sms.Number, sms.Sender) (time.Time, error) {
	s.asked++
	if s.asked == 1 {
		return time.Time{}, errors.New("the server is away")
	}
	return s.suppressed, nil
}

func (s *known) Lift(context.Context, sms.Number, sms.Sender) error {
	s.lifted++
	return nil
}

// TestErasedContact: before anything else a conversation asks whether its contact
// was erased, however long that takes.
func TestErasedContact(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	s := &known{suppressed: k.start.Add(-time.Hour)}
	k.suppressions = s
	var refused error
	k.at(0, func() {
		k.signal(wire.InboundEvent(sms.Inbound{ID: "m0", From: contact, Kind: sms.KindText, Text: "START", AcceptedAt: k.start.Add(-2 * time.Hour)}, k.start))
		k.text("m1", "Hello")
		k.send("order-7", "Your order has left.")
		k.env.UpdateWorkflow(wire.SendUpdate, "order-8", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(err error) { refused = err }, OnComplete: func(_ any, err error) { refused = err }}, wire.SendRequest{Text: "So has the other."})
	})
	k.at(time.Hour, func() { k.text("m2", "START") })
	k.at(2*time.Hour, func() { k.text("m3", "Hello again") })
	state := k.run()
	require.Equal(t, 2, s.asked)
	require.ErrorContains(t, refused, "opted out")
	require.Equal(t, []string{k.settings.OptInReply, "re: Hello again"}, words(k.sends))
	require.Equal(t, 1, s.lifted)
	require.Nil(t, state.OptedOut)
}

// TestErasedContactIsForgotten: who was erased is remembered by a record, so that
// the conversation need not stay for it.
func TestErasedContactIsForgotten(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.suppressions = &known{suppressed: k.start.Add(-time.Hour)}
	k.at(0, func() { k.text("m1", "Hello") })
	state := k.run() // it completes, and does not continue as new
	require.Empty(t, k.sends)
	require.Equal(t, "erased", state.OptedOut.Source)
}
