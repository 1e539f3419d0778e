package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana sms.Number = "+12025550100"

	first := unmarshal[sent](t, w.does("send", string(ana), "Your order has left.", "--reference", "O-1", "--by", "Bea", "--key", "k1", "--json"))
	_, _, isKey := conversations.ParseKey(first.MessageKey)
	require.True(t, isKey, first.MessageKey)
	require.Equal(t, w.link("conversation:+12025550100"), first.Link)
	require.Equal(t, first.MessageKey+"\n", w.does("send", string(ana), "Your order has left.", "--key", "k1"), "sent once")
	w.eventually("→ Bea · O-1 · sent ✓\n", "show", string(ana))
	require.Equal(t, []string{"Your order has left."}, w.carrier.sent())

	w.texts(ana, "in-1", "Stop")
	w.eventually("opted out", "show", string(ana))
	require.Equal(t, "parley: not sent: the contact opted out\n", w.fails(1, "send", string(ana), "Are you sure?"))
}

func TestSendWithoutAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ana, ben sms.Number = "+12025550101", "+12025550102"

	complaint := w.fails(1, "send", string(ana), "Hello", "--key", "k1", "--timeout", "1s")
	require.Contains(t, complaint, `no worker is running on task queue "parley"`)
	require.Contains(t, complaint, "repeat this with --queue --key k1, which sends nothing twice")

	require.Equal(t, "queued, under the idempotency key k1\n", w.does("send", string(ana), "Hello", "--queue", "--key", "k1"))
	require.Equal(t, sent{
		WorkflowID: "conversation:+12025550102", Link: w.link("conversation:+12025550102"), IdempotencyKey: "k2", Queued: true,
	}, unmarshal[sent](t, w.does("send", string(ben), "Hi", "--queue", "--key", "k2", "--json")))

	w.work()
	w.eventually("sent ✓", "show", string(ana))
	w.eventually("sent ✓", "show", string(ben))
	require.ElementsMatch(t, []string{"Hello", "Hi"}, w.carrier.sent(), "the update that timed out and the queued one are one")
}

// What the complaint about a missing worker says: the text may still be sent.
func TestUpdateOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ana sms.Number = "+12025550103"

	require.Contains(t, w.fails(1, "send", string(ana), "Hello", "--timeout", "1s"), "It may still reach a worker that starts later")
	w.work()
	require.Eventually(t, func() bool { return len(w.carrier.sent()) > 0 }, 20*time.Second, 50*time.Millisecond)
}

func TestSendFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana sms.Number = "+12025550104"

	require.Contains(t, w.fails(2, "send", string(ana), "Hi", "--from", "+12065550100"), "--from needs SINCH_SMS_SENDER")
	w.env["SINCH_SMS_SENDER"] = "+12065550100,+12065550101"
	require.Contains(t, w.fails(2, "send", string(ana), "Hi", "--from", "+12065550999"), "none of our numbers")

	byDefault := unmarshal[sent](t, w.does("send", string(ana), "Hi", "--from", "+1 206 555 0100", "--json"))
	require.Equal(t, wire.ID(ana, ""), byDefault.WorkflowID)
	other := unmarshal[sent](t, w.does("send", string(ana), "Hi", "--from", "+12065550101", "--json"))
	require.Equal(t, wire.ID(ana, "+12065550101"), other.WorkflowID)

	require.Contains(t, w.does("show", string(ana), "--from", "+12065550101"), "+12025550104 over +12065550101 · open")
}
