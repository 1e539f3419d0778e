package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/identity"
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
		Conversation wire.State `json:"conversation"`
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

	for key, words := range map[string]string{
		otherKey: "first used with another PARLEY_ID_KEY than is set here: set that one",
		"":       "first used with a PARLEY_ID_KEY, and here none is set: set that key",
		"short":  "set PARLEY_ID_KEY to 32 random bytes or more in base64",
	} {
		w.refuses(key, words)
	}
	w.Text(ana, "Thanks")
	w.Receives(ana, `You said: "Thanks"`)
}

// TestIDsWithNumbersStay: a namespace that was first used without a key takes none.
func TestIDsWithNumbersStay(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.refuses(idKey, "first used without PARLEY_ID_KEY, and here it is set: leave it out; "+identity.ErrMixed.Error())
	w.Text(ana, "Thanks")
	w.Receives(ana, `You said: "Thanks"`)
}

// refuses makes sure that no program serves with a key, which would hold two
// conversations with one contact.
func (w *world) refuses(key, words string) {
	w.T.Helper()
	settings := maps.Clone(w.Settings)
	settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"], settings["PARLEY_ID_KEY"] = e2e.Address(w.T), e2e.Address(w.T), key
	for program, args := range map[string][]string{"worker": nil, "webhook": nil, "parley": {"list"}} {
		p := w.Run("wrong-"+program+"-"+key, program, settings, args...)
		select {
		case <-p.Done():
		case <-w.Ctx().Done():
			w.T.Fatal(program + " does not end")
		}
		require.Error(w.T, p.Stop())
		require.True(w.T, p.Said(words), "%s: %s", program, words)
		require.False(w.T, key != "" && p.Said(key), "the key is a secret")
	}
}

// TestMemoOutlivesItsKey: whom a conversation is with, and why it needs a person, is
// encrypted again by each run, so that an old key can go.
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
	var asked time.Time
	w.Eventually("it asks for attention", func() bool {
		if time.Since(asked) > 2*time.Second { // a run cannot continue as new while it is asked again and again
			asked = time.Now()
			_ = w.Temporal.CancelWorkflow(w.Ctx(), w.IDs().Of(bob, ""), "") // a run that continues as new does not hear of it
		}
		return w.needsAttention(bob)
	})
	shows()
	restart(newer + "," + older)
	run := func() string {
		return w.describe(w.IDs().Of(bob, "")).GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	before := run()
	for i := range 4 { // one by one: together they are too few events
		hello := fmt.Sprint("Hello ", i)
		w.Text(bob, hello)
		w.Eventually("it is recorded", func() bool { return strings.Contains(string(w.parley("show", string(bob))), hello) })
	}
	w.Eventually("the conversation has continued as new", func() bool { return run() != before })
	restart(newer)
	shows()
}
