package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"parley/conversation"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/stack"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

const (
	idKey    = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBieXRlcyE=" // 32 bytes
	otherKey = "b3RoZXJ0ZWVuIGJ5dGVzIGFuZCBzaXh0ZWVuIGJ5dGU="
)

// workflowIDs are all that the server lists, of open and closed workflows.
func (w *world) workflowIDs() []string {
	w.T.Helper()
	page, err := w.Temporal.ListWorkflow(w.Ctx(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(w.T, err)
	var ids []string
	for _, info := range page.GetExecutions() {
		ids = append(ids, info.GetExecution().GetWorkflowId())
	}
	return ids
}

// TestIDsWithoutNumbers: with a key everything goes on as without one, and no
// workflow id holds a number. People still type numbers.
func TestIDsWithoutNumbers(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_ID_KEY", idKey))
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Reply")
	w.Text(ana, "yes")
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
	w.Text(bob, "Hello")
	w.Receives(bob, `You said: "Hello"`)
	require.Equal(t, http.StatusAccepted, w.Message(bob, "Your order has left.", "order-of-+12025550143"))
	require.Equal(t, http.StatusAccepted, w.Message(bob, "Your order has left.", "order-of-+12025550143"))
	w.Receives(bob, "Your order has left.")

	var shown struct {
		Conversation conversation.State `json:"conversation"`
	}
	require.NoError(t, json.Unmarshal(w.parley("show", string(bob), "--json"), &shown))
	require.Equal(t, bob, shown.Conversation.Contact)
	w.Eventually("both are listed by number", func() bool {
		var listed []struct {
			Number string `json:"number"`
		}
		require.NoError(t, json.Unmarshal(w.parley("list", "--json"), &listed))
		return len(listed) == 2 && listed[0].Number+listed[1].Number == string(bob+ana) || len(listed) == 2 && listed[1].Number+listed[0].Number == string(bob+ana)
	})
	for _, id := range w.workflowIDs() {
		require.NotRegexp(t, `\d{7}`, id)
	}
	require.Contains(t, w.workflowIDs(), w.IDs().Of(ana, ""))

	var events strings.Builder
	for history := w.Temporal.GetWorkflowHistory(w.Ctx(), w.IDs().Of(bob, ""), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		event, err := history.Next()
		require.NoError(t, err)
		events.WriteString(event.String())
	}
	require.NotContains(t, events.String(), "order-of", "a caller's key is hidden too")

	for name, change := range map[string]func(map[string]string){
		"PARLEY_ID_KEY is not the key":                           func(s map[string]string) { s["PARLEY_ID_KEY"] = otherKey },
		"set PARLEY_ID_KEY, the same as for its workers":         func(s map[string]string) { delete(s, "PARLEY_ID_KEY") },
		"set PARLEY_ID_KEY to 32 random bytes or more in base64": func(s map[string]string) { s["PARLEY_ID_KEY"] = "short" },
	} {
		settings := maps.Clone(w.Settings)
		change(settings)
		wrong := w.Run("wrong-worker-"+settings["PARLEY_ID_KEY"], "worker", settings)
		<-wrong.Done()
		require.True(t, wrong.Said(name), "a worker that would hold two conversations with one contact does not start: %s", name)

		settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"] = e2e.Address(t), e2e.Address(t)
		door := w.Run("wrong-webhook-"+settings["PARLEY_ID_KEY"], "webhook", settings)
		w.Await(door, func(context.Context) bool { return door.Said(name) })
		elsewhere := *w
		elsewhere.Hook = "http://" + settings["PARLEY_WEBHOOK_ADDR"] + "/webhooks/sinch"
		require.Equal(t, http.StatusServiceUnavailable, elsewhere.Post(e2e.Inbound("wrong", cyd, ours, "Hello", time.Now())), "nor does a webhook let anything in")
	}
	w.Text(ana, "Thanks")
	w.Receives(ana, `You said: "Thanks"`)
}

// TestMoveIDs turns ids without numbers on under conversations that run: a
// question that waits for its answer, a contact who opted out, a caller's key.
func TestMoveIDs(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Reply")
	w.Text(bob, "Hello")
	w.Receives(bob, `You said: "Hello"`)
	w.Text(bob, "STOP")
	w.Receives(bob, "You are unsubscribed")
	require.Equal(t, http.StatusAccepted, w.Message(cyd, "Your order has left.", "order-7"))
	w.Receives(cyd, "Your order has left.")

	keyed := maps.Clone(w.Settings)
	keyed["PARLEY_ID_KEY"] = idKey
	early := w.Run("early-worker", "worker", keyed)
	<-early.Done()
	require.True(t, early.Said("move them with worker move-ids"), "ids are never mixed")
	busy := w.Run("early-move", "worker", keyed, "move-ids")
	<-busy.Done()
	require.True(t, busy.Said("another worker is running"))

	w.StopWorker()
	for _, p := range w.Webhooks {
		require.NoError(t, p.Stop())
	}
	w.Settings = keyed
	// The first try is killed somewhere in the middle.
	first := w.Run("first-move", "worker", w.Settings, "move-ids", "--now")
	w.Await(first, func(context.Context) bool { return first.Said("msg=ready") })
	first.Kill()
	stopped := w.Run("stopped-move", "worker", w.Settings, "move-ids", "--now")
	w.Await(stopped, func(context.Context) bool { return stopped.Said("msg=ready") })
	require.Error(t, stopped.Stop(), "nobody may take that for done")
	require.True(t, stopped.Said("run move-ids again"))
	second := w.Run("second-move", "worker", w.Settings, "move-ids", "--now")
	<-second.Done()
	require.NoError(t, second.Stop())
	third := w.Run("third-move", "worker", w.Settings, "move-ids", "--now")
	<-third.Done()
	require.NoError(t, third.Stop())
	require.True(t, third.Said("nothing to move"))
	// One of the webhooks was overlooked.
	const eve sms.Number = "+12025550149"
	event, err := conversation.InboundEvent(sms.Inbound{ID: "late", From: eve, Kind: sms.KindText, Text: "Hello", AcceptedAt: time.Now()}, time.Now())
	require.NoError(t, err)
	require.NoError(t, conversation.Client{Temporal: w.Temporal, TaskQueue: "parley"}.Tell(w.Ctx(), eve, "", event))
	w.Eventually("it is listed", func() bool { return slices.Contains(w.workflowIDs(), conversation.ID(eve, "")) })
	fourth := w.Run("fourth-move", "worker", w.Settings, "move-ids", "--now")
	<-fourth.Done()
	require.NoError(t, fourth.Stop())
	require.True(t, fourth.Said("msg=moved conversations=1"))

	w.StartWorker()
	w.StartWebhooks()
	w.Text(ana, "yes")
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
	require.Equal(t, http.StatusAccepted, w.Message(cyd, "Your order has left.", "order-7"), "the same key as before")
	require.Equal(t, http.StatusAccepted, w.Message(cyd, "It is there.", "order-7-there"))
	w.Receives(cyd, "It is there.")
	require.Equal(t, []string{"Your order has left.", "It is there."}, e2e.Texts(w.Sim.Phone(cyd).Messages()))

	for _, m := range w.State(cyd).Transcript { // before the move, and since
		var shown struct {
			WorkflowID string               `json:"workflow_id"`
			Message    conversation.Message `json:"message"`
		}
		require.NoError(t, json.Unmarshal(w.parley("show", m.Key, "--json"), &shown))
		require.Equal(t, w.IDs().Of(cyd, ""), shown.WorkflowID)
		require.Equal(t, m.Text, shown.Message.Text)
	}

	state := w.State(bob)
	require.NotNil(t, state.OptedOut)
	require.Equal(t, "STOP", state.OptedOut.Text)
	require.Len(t, state.Transcript, 4, "with all that was said")
	require.Equal(t, conversation.StateOptedOut, state.Shown.State)
	w.Text(bob, "Hello?")
	w.Text(bob, "START")
	w.Receives(bob, "You are subscribed again")
	open, err := w.Temporal.CountWorkflow(w.Ctx(), &workflowservice.CountWorkflowExecutionsRequest{
		Query: "WorkflowType = 'Conversation' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'conversation:+'",
	})
	require.NoError(t, err)
	require.Zero(t, open.GetCount())
}

// TestMemoOutlivesItsKey: whom a conversation is with, and why it needs a person, is
// encrypted anew by each run, so that an old key can go.
func TestMemoOutlivesItsKey(t *testing.T) {
	t.Parallel()

	older, newer := e2e.Must(encryption.NewKey("older")), e2e.Must(encryption.NewKey("newer"))
	w := newWorld(t, e2e.Setting("PARLEY_ID_KEY", idKey), e2e.Setting(keysSetting, older), e2e.Setting("PARLEY_CONTINUE_AFTER", "10"))
	shows := func() {
		w.T.Helper()
		w.Eventually("the list shows it", func() bool {
			var listed []struct {
				Number    string `json:"number"`
				Attention string `json:"attention"`
			}
			require.NoError(t, json.Unmarshal(w.parley("list", "--json"), &listed))
			return len(listed) == 1 && listed[0].Number == string(bob) && strings.Contains(listed[0].Attention, "cancelled")
		})
	}
	restart := func(keys string) {
		w.StopWorker()
		for _, p := range w.Webhooks {
			require.NoError(t, p.Stop())
		}
		w.Settings[keysSetting] = keys
		w.StartWorker()
		w.StartWebhooks()
	}
	w.Text(bob, "STOP")
	w.Receives(bob, "You are unsubscribed")
	w.Eventually("it asks for attention", func() bool {
		_ = w.Temporal.CancelWorkflow(w.Ctx(), w.IDs().Of(bob, ""), "") // a run that continues as new does not hear of it
		return w.needsAttention(bob)
	})
	shows()
	restart(newer + "," + older)
	run := func() string {
		return w.describe(w.IDs().Of(bob, "")).GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	before := run()
	for i := range 4 {
		w.Text(bob, fmt.Sprint("Hello ", i))
	}
	w.Eventually("the conversation has continued as new", func() bool { return run() != before })
	restart(newer)
	shows()
}

// TestMoveIDsLeavesNothing: neither what somebody paused, nor what a program began
// that was overlooked; and it does not go on for ever about what it cannot move.
func TestMoveIDsLeavesNothing(t *testing.T) {
	t.Parallel()

	w := newWorld(t, allButtons)
	w.Text(ana, "Hello")
	w.Receives(ana, `You said: "Hello"`)
	plain := conversation.ID(ana, "")
	w.pauseWorkflow(plain)
	w.StopWorker()
	for _, p := range w.Webhooks {
		require.NoError(t, p.Stop())
	}
	w.Settings["PARLEY_ID_KEY"] = idKey
	move := func(name string) *stack.Process {
		p := w.Run(name, "worker", w.Settings, "move-ids", "--now")
		select {
		case <-p.Done():
		case <-time.After(time.Minute):
			t.Fatal("it does not end")
		}
		return p
	}
	listed := func(what string, n int64) {
		w.Eventually(what, func() bool {
			count, err := w.Temporal.CountWorkflow(w.Ctx(), &workflowservice.CountWorkflowExecutionsRequest{Query: identity.PlainQuery})
			return err == nil && count.GetCount() == n
		})
	}
	listed("what is paused is listed", 1)
	require.True(t, move("move-paused").Said("unpause it"))
	w.unpauseWorkflow(plain)

	hello, err := conversation.InboundEvent(sms.Inbound{ID: "m0", From: bob, Kind: sms.KindText, Text: "Hello", AcceptedAt: time.Now()}, time.Now())
	require.NoError(t, err)
	_, err = w.Temporal.SignalWithStartWorkflow(w.Ctx(), "conversation:+1", conversation.EventSignal, hello,
		client.StartWorkflowOptions{ID: "conversation:+1", TaskQueue: "parley"}, conversation.WorkflowType, conversation.Start{Contact: bob})
	require.NoError(t, err)
	listed("what has an id that is none is listed", 2)
	require.True(t, move("move-strange").Said("terminate it"))
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), "conversation:+1", "", "test"))
	require.NoError(t, move("move").Stop())
	listed("all is moved", 0)
	require.True(t, move("move-nothing").Said("nothing to move"))

	event, err := conversation.InboundEvent(sms.Inbound{ID: "m1", From: cyd, Kind: sms.KindText, Text: "STOP", AcceptedAt: time.Now()}, time.Now())
	require.NoError(t, err)
	require.NoError(t, conversation.Client{Temporal: w.Temporal, TaskQueue: "parley"}.Tell(w.Ctx(), cyd, "", event))
	listed("what an overlooked webhook began is listed", 1)
	require.NoError(t, move("move-overlooked").Stop())
	listed("that is moved too", 0)
	w.StartWorker()
	require.NotNil(t, w.State(cyd).OptedOut)
}

// TestKeyTakenUpUnderAWorker: one that was started without the key ends, and lets
// no script speak to a second conversation with the same contact.
func TestKeyTakenUpUnderAWorker(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	keyed := maps.Clone(w.Settings)
	keyed["PARLEY_ID_KEY"] = idKey
	w.Run("next-worker", "worker", keyed) // as in a rolling update; no conversation is open
	for _, older := range w.Worker {
		select {
		case <-older.Done():
		case <-w.Ctx().Done():
		}
		require.True(t, older.Said("set PARLEY_ID_KEY, the same as for its workers"))
	}
}
