package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

func TestShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.work()
	const ana sms.Number = "+12025550120"

	w.texts(ana, "01INBOUND", "Hello")
	key := unmarshal[sent](t, w.does("send", string(ana), "First", "--json")).MessageKey
	w.eventually("sent ✓\n            First", "show", string(ana))
	first := conversations.Pick(unmarshal[shown](t, w.does("show", string(ana), "--json")).Conversation, func(m wire.Message) bool { return m.Key == key })
	require.NotNil(t, first)
	w.delivered(ana, first.MessageID)

	byNumber := w.eventually("delivered ✓✓", "show", "1 (202) 555-0120")
	require.Contains(t, byNumber, "← contact\n            Hello\n")
	require.Contains(t, byNumber, "→ responder · ")
	require.Contains(t, byNumber, w.link("conversation:+12025550120")+"\n")

	byKey := w.eventually("» ", "show", key)
	require.Contains(t, byKey, "First\n            key "+key+"\n            Sinch's id "+first.MessageID+"\n")
	require.Equal(t, byKey, w.does("show", key+".2"), "an attempt is shown as its message")

	for _, id := range []string{first.MessageID, "01INBOUND"} {
		require.Contains(t, w.eventually("» ", "show", id), "Sinch's id "+id+"\n")
	}
	require.Contains(t, w.does("show", "conversation:+12025550120"), "delivered ✓✓")

	require.Contains(t, w.fails(1, "show", "01NOBODYS", "--search", "1"), "no message 01NOBODYS in the 1 newest conversations; --search 10 looks through more")
	require.Contains(t, w.fails(1, "show", key[:len(key)-1]+"9"), "keeps the latest hundred messages")
	require.Contains(t, w.fails(1, "show", "+12025550129"), "there is no conversation with +12025550129; those that closed")
	require.Contains(t, w.fails(2, "show", "12345"), "not a phone number in international form")

	stop()
	complaint := w.fails(1, "show", string(ana), "--timeout", "2s")
	require.Contains(t, complaint, "a running conversation answers only while a worker runs; no worker of task queue \"parley\" answers: the last one was heard of ")
	require.Contains(t, w.fails(1, "show", "01NOBODYS", "--timeout", "2s"), "answers only while a worker runs")
}

func TestShowOverAnotherSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	w.env["SINCH_SMS_SENDER"] = "+12065550100,+12065550101"
	const ana sms.Number = "+12025550121"

	w.does("send", string(ana), "Hi", "--from", "+12065550101")
	require.Eventually(t, func() bool {
		_, stderr, _ := parley(t, w.env, "show", string(ana))
		return stderr == "parley: there is no conversation with +12025550121, but there is one over +12065550101: name it with --from\n"
	}, time.Minute, 50*time.Millisecond)
	require.Contains(t, w.does("show", string(ana), "--from", "+12065550101"), "+12025550121 over +12065550101")
}

// A conversation that closed is there as long as the namespace keeps it, and
// its messages are found also when the contact has begun a new one.
func TestShowClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.IdleAfter = 200 * time.Millisecond
	stop := w.work()
	const ana sms.Number = "+12025550122"

	first := unmarshal[sent](t, w.does("send", string(ana), "First", "--json")).MessageKey
	w.eventually("closed (completed ", "show", string(ana))
	stop()
	require.Contains(t, w.does("show", string(ana)), "First\n", "a result needs no worker")
	require.Contains(t, w.eventually("» ", "show", first), "closed (completed ")

	w.settings.IdleAfter = time.Hour
	w.work()
	second := unmarshal[sent](t, w.does("send", string(ana), "Second", "--json")).MessageKey
	require.NotEqual(t, first[:36], second[:36])
	require.Contains(t, w.does("show", string(ana)), "Second\n")
	old := unmarshal[shown](t, w.does("show", first, "--json"))
	require.Equal(t, "completed", old.Status)
	require.Equal(t, "First", old.Message.Text)
	require.Contains(t, w.eventually("» ", "show", second), "Second\n")

	require.NoError(t, w.temporal.TerminateWorkflow(t.Context(), wire.ID(ana, ""), "", "enough"))
	w.eventually("closed (terminated ", "show", string(ana))
}

// A conversation that has continued as new several times keeps its first run's
// keys.
func TestShowAfterContinueAsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.ContinueAfter = 5
	w.work()
	const ana sms.Number = "+12025550123"

	key := unmarshal[sent](t, w.does("send", string(ana), "Text 0", "--json")).MessageKey
	for i := range 5 {
		w.does("send", string(ana), fmt.Sprint("Text ", i+1))
		w.eventually(fmt.Sprintf("sent ✓\n            Text %d\n", i+1), "show", string(ana))
	}
	v := unmarshal[shown](t, w.eventually(`"message":{`, "show", key, "--json"))
	require.Positive(t, v.Conversation.Run)
	require.NotEqual(t, key[:36], v.RunID)
	require.Equal(t, "Text 0", v.Message.Text)
}

// The server waits for no worker once a task has failed several times.
func TestShowWhileWorkersFail(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, false)
	const ana sms.Number = "+12025550124"
	failing := worker.New(w.temporal, queue, worker.Options{})
	failing.RegisterWorkflowWithOptions(func(workflow.Context, wire.Start) error { panic("a spanner in the works") }, workflow.RegisterOptions{Name: wire.WorkflowType})
	require.NoError(t, failing.Start())
	t.Cleanup(failing.Stop)
	w.texts(ana, "m1", "Hello?")
	require.Eventually(t, func() bool {
		described, err := conversations.Describe(t.Context(), w.temporal, wire.ID(ana, ""), "")
		return err == nil && described.GetPendingWorkflowTask().GetAttempt() > 3
	}, 3*time.Minute, 100*time.Millisecond)
	require.Contains(t, w.fails(1, "show", string(ana)), "only while a worker runs; one does, and fails at it: a spanner in the works")
}
