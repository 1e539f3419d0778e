package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

const (
	receiptsSecret = "receipts-secret"
	hookSecret     = "hook-secret"
)

// receipt is the callback that tells what became of a text, as Sinch would send
// it. The reason is one of FAILED.
func receipt(id, key string, to sms.Number, status, reason string) string {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	why := ""
	if reason != "" {
		why = fmt.Sprintf(`,"reason":{"code":%q,"description":"The underlying channel reported: Temporary delivery failure","sub_code":"UNSPECIFIED_SUB_CODE"}`, reason)
	}
	return fmt.Sprintf(`{"app_id":%q,"accepted_time":%q,"event_time":%q,"project_id":%q,"message_metadata":"","message_delivery_report":{"message_id":%q,"conversation_id":"",
		"status":%q,"channel_identity":{"channel":"SMS","identity":%q,"app_id":""},"contact_id":"","metadata":%q,"processing_mode":"CONVERSATION"%s}}`,
		sinchtest.DefaultAppID, at, at, sinchtest.DefaultProjectID, id, status, strings.TrimPrefix(string(to), "+"), key, why)
}

// callback is post, to a path and with a secret of the caller's choice.
func (w *world) callback(path, secret, body string) int {
	w.T.Helper()
	request, err := http.NewRequestWithContext(w.Ctx(), http.MethodPost, w.Hook+path, strings.NewReader(body))
	require.NoError(w.T, err)
	sinch.SignHeader(request.Header, secret, []byte(body), time.Now())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.T, err)
	require.NoError(w.T, response.Body.Close())
	return response.StatusCode
}

// Receipts that come early, late, doubled and in the wrong order, on a webhook of
// their own, end in the same state.
func TestReceipts(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("SINCH_RECEIPTS", "all"), e2e.Setting("SINCH_RECEIPTS_SECRET", receiptsSecret), func(w *e2e.World, o *sinchtest.Options) {
		o.Webhooks = []sinchtest.Webhook{
			{Target: w.Hook, Secret: secret, Triggers: []string{sinchtest.TriggerInbound}},
			{Target: w.Hook + "/receipts", Secret: receiptsSecret, Triggers: []string{sinchtest.TriggerDelivery, sinchtest.TriggerSubmit}},
		}
	})
	late := sinchtest.Duration(time.Second)
	for i, tt := range []struct {
		name  string
		fault sinchtest.OneShot
		tries int // of all callbacks together
	}{
		{"in time", sinchtest.OneShot{Fault: sinchtest.FaultDelay, On: sinchtest.OnCallback, For: 1}, 3},
		{"before the send is answered", sinchtest.OneShot{Fault: sinchtest.FaultCallbacksFirst}, 3},
		{"in reverse order", sinchtest.OneShot{Fault: sinchtest.FaultReverse}, 3},
		{"doubled", sinchtest.OneShot{Fault: sinchtest.FaultDuplicate, On: sinchtest.OnCallback, Times: 3}, 6},
		{"late", sinchtest.OneShot{Fault: sinchtest.FaultDelay, On: sinchtest.OnCallback, For: late, Times: 3}, 3},
		{"the first overtaken by the others", sinchtest.OneShot{Fault: sinchtest.FaultDelay, On: sinchtest.OnCallback, For: late}, 3},
		{"before an answer that tells nothing", sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			contact := number(i)
			tt.fault.To = contact
			w.Sim.Next(tt.fault)
			_, err := w.Client().Send(w.Ctx(), contact, "", "order-7", wire.SendRequest{Text: "Your order is ready."})
			require.NoError(t, err)
			m := w.Receives(contact, "Your order is ready.")
			require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool {
				m, _ = w.Sim.Message(m.ID)
				tries := 0
				for _, c := range m.Callbacks {
					tries += c.Attempts
				}
				return tries == tt.tries
			}))
			for _, c := range m.Callbacks {
				require.Equal(t, w.Hook+"/receipts", c.Target)
				require.Equal(t, "200", c.LastAnswer)
			}
			w.Eventually("delivered", func() bool { return w.said(contact, m.Text).Status == sms.StatusDelivered })
			state := w.State(contact)
			require.Empty(t, state.EarlyReceipts)
			require.Empty(t, state.Outbox)
			require.Len(t, state.Transcript, 1)
			known := state.Transcript[0]
			require.Equal(t, m.ID, known.MessageID)
			require.WithinDuration(t, m.AcceptedAt, known.Accepted, 0)
			require.True(t, slices.IsSortedFunc(known.Steps, func(a, b wire.Step) int {
				if a.Status.Before(b.Status) {
					return -1
				}
				return 1
			}), "forward only: %+v", known.Steps)
		})
	}

	known := w.said(number(0), "Your order is ready.")
	t.Run("delivered is not taken back", func(t *testing.T) {
		require.Equal(t, 200, w.callback("/receipts", receiptsSecret, receipt(known.MessageID, known.Key, number(0), "FAILED", "RECIPIENT_NOT_REACHABLE")))
		require.Equal(t, 200, w.callback("/receipts", receiptsSecret, receipt(known.MessageID, known.Key, number(0), "READ", "")))
		w := w.in(t)
		w.Eventually("read", func() bool { return w.said(number(0), known.Text).Status == sms.StatusRead })
		require.Empty(t, w.State(number(0)).Held)
	})
	t.Run("each path has a secret of its own", func(t *testing.T) {
		body := receipt(known.MessageID, known.Key, number(0), "DELIVERED", "")
		require.Equal(t, 401, w.callback("/receipts", secret, body))
		require.Equal(t, 401, w.callback("", receiptsSecret, body))
		require.Equal(t, 200, w.callback("", secret, body))
	})
	t.Run("a closed conversation is not started", func(t *testing.T) {
		w := w.in(t)
		id := wire.ID(number(1), "")
		require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), id, "", "test"))
		before, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
		require.NoError(t, err)
		m := w.Sim.Phone(number(1)).Messages()[0]
		require.Equal(t, 200, w.callback("/receipts", receiptsSecret, receipt(m.ID, m.Key, number(1), "READ", "")))
		after, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
		require.NoError(t, err)
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, after.GetWorkflowExecutionInfo().GetStatus())
		require.Equal(t, before.GetWorkflowExecutionInfo().GetExecution().GetRunId(), after.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	})
}

// told is what a service of the user's own was told.
type told struct {
	path, key string
	body      []byte
}

// desk is a service that is told of what is parked, and handed what failed.
type desk struct {
	own  service // decides on replies, at /turn
	mu   sync.Mutex
	told []told
	busy int // requests to answer 503 first
	bad  error
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/turn" {
		d.own.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	hook, _ := standardwebhooks.NewWebhookRaw([]byte(hookSecret))
	if wrong := hook.Verify(body, r.Header); wrong != nil || err != nil {
		d.bad = fmt.Errorf("%s: %w %w", r.URL.Path, wrong, err)
	}
	d.told = append(d.told, told{path: r.URL.Path, key: r.Header.Get("Idempotency-Key"), body: body})
	if len(d.told) <= d.busy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// of are the requests to a path that mention a contact.
func (d *desk) of(path string, contact sms.Number) []told {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.told), func(x told) bool { return x.path != path || !strings.Contains(string(x.body), string(contact)) })
}

// What does not arrive is sent once more if that may help, and is handed to the
// fallback if not. What is parked is told to a person.
func TestNotDelivered(t *testing.T) {
	t.Parallel()

	d := &desk{busy: 1}
	hooks := httptest.NewServer(d)
	t.Cleanup(hooks.Close)
	w := newWorld(t, e2e.Server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"),
		e2e.Setting("PARLEY_RESPONDER_URL", hooks.URL+"/turn"), e2e.Setting("PARLEY_NOTIFY_URL", hooks.URL+"/notify"),
		e2e.Setting("PARLEY_FALLBACK_URL", hooks.URL+"/fallback"), e2e.Setting("PARLEY_HOOK_SECRET", hookSecret))
	start := func(contact sms.Number) client.WorkflowRun {
		return w.Start("appointment:"+string(contact), "AppointmentConfirmation", appointment(contact))
	}

	t.Run("for good", func(t *testing.T) {
		w := w.in(t)
		w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultFail, To: ana, Reason: "RECIPIENT_NOT_OPTED_IN"})
		var result workflows.AppointmentResult
		require.NoError(t, start(ana).Get(w.Ctx(), &result))
		require.Equal(t, workflows.AppointmentUndeliverable, result.Outcome)
		require.Equal(t, "RECIPIENT_NOT_OPTED_IN", result.Reason)

		text := w.Sim.Phone(ana).Messages()[0].Text
		w.Eventually("handed over", func() bool { return w.said(ana, text).Fallback == "handed over" })
		key := w.said(ana, text).Key
		handed := d.of("/fallback", ana)
		require.Len(t, handed, 2, "once, and once more after 503")
		require.Equal(t, key, handed[0].key)
		require.Equal(t, handed[0], handed[1])
		var u wire.Undelivered
		require.NoError(t, json.Unmarshal(handed[0].body, &u))
		require.False(t, u.At.IsZero())
		u.At = time.Time{}
		require.Equal(t, wire.Undelivered{
			Key: key, Contact: ana, From: "AppointmentConfirmation", Text: text, Reference: "A-17", Reason: "RECIPIENT_NOT_OPTED_IN", Question: true,
		}, u)
		require.Empty(t, w.State(ana).Held)
	})

	t.Run("for now", func(t *testing.T) {
		w := w.in(t)
		w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultFail, To: bob, Reason: "RECIPIENT_NOT_REACHABLE"})
		run := start(bob)
		first := w.Receives(bob, "Does that suit you?")
		w.Eventually("it waits to be sent once more", func() bool { return len(w.State(bob).Held) == 1 })
		require.Equal(t, w.said(bob, first.Text).Key, w.State(bob).Held[0].ResendOf)
		w.Text(bob, "hello?") // nobody has seen the question: this is no answer to it
		w.Receives(bob, "Heard: hello?")
		require.Len(t, w.Sim.Phone(bob).Messages(), 3)

		w.fastForward(wire.ID(bob, ""), 2*time.Minute)
		require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Phone(bob).Messages()) == 4 }))
		again := w.Sim.Phone(bob).Messages()[3]
		require.Equal(t, first.Text, again.Text)
		require.NotEqual(t, first.Key, again.Key)
		w.Eventually("the question is open", func() bool { q := w.State(bob).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
		w.Text(bob, "yes")
		var result workflows.AppointmentResult
		require.NoError(t, run.Get(w.Ctx(), &result))
		require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
		require.Empty(t, d.of("/fallback", bob))
	})

	t.Run("denied by the carrier", func(t *testing.T) {
		w := w.in(t)
		contact := number(2)
		w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, To: contact, Status: 403})
		key, err := w.Client().Send(w.Ctx(), contact, "", "order-7", wire.SendRequest{Text: "Your order is ready.", Reference: "order-7", By: "shop"})
		require.NoError(t, err)
		w.Eventually("a person is told", func() bool { return len(d.of("/notify", contact)) == 1 })
		notice := string(d.of("/notify", contact)[0].body)
		require.Contains(t, notice, `"code":"send-denied"`)
		require.Contains(t, notice, `"reference":"order-7"`)
		require.Contains(t, notice, key)
		w.Eventually("nothing is left to tell", func() bool { return len(w.State(contact).Errands) == 0 })
		require.Empty(t, d.of("/fallback", contact), "the person may have it sent yet")
		require.NoError(t, w.Client().Skip(w.Ctx(), contact, "", "1", wire.Mend{Why: "no"}))
		w.Eventually("handed over", func() bool { return w.said(contact, "Your order is ready.").Fallback == "handed over" })
		handed := d.of("/fallback", contact)
		require.Len(t, handed, 1)
		require.Equal(t, key, handed[0].key)
		require.Contains(t, string(handed[0].body), `"reason":"PERMISSION_DENIED"`)
		require.NotContains(t, string(handed[0].body), `"question"`)
	})

	t.Run("parked", func(t *testing.T) {
		w := w.in(t)
		w.Text(number(1), "dance") // it names a script that there is not
		w.Eventually("parked", func() bool { return len(w.State(number(1)).Parked) == 1 })
		w.Text(number(1), "hello")
		w.Receives(number(1), "Heard: hello")
		w.Eventually("a person is told", func() bool { return len(d.of("/notify", number(1))) == 1 })
		parked := w.State(number(1)).Parked[0]
		var notice wire.Notice
		notices := d.of("/notify", number(1))
		require.NoError(t, json.Unmarshal(notices[0].body, &notice))
		require.Equal(t, parked.ID, notices[0].key)
		require.WithinDuration(t, parked.At, notice.At, 0)
		notice.At = time.Time{}
		require.Equal(t, wire.Notice{
			ID: parked.ID, Conversation: wire.ID(number(1), ""), Contact: number(1), Code: string(wire.ParkedScript), Reason: parked.Reason,
		}, notice)
		w.Eventually("nothing is left to tell", func() bool { return len(w.State(number(1)).Errands) == 0 })
		require.Len(t, d.of("/notify", number(1)), 1)
	})

	require.NoError(t, d.bad, "every request is signed")
}

// tell is a script that says something and wants to know whether it arrived.
func tell(ctx workflow.Context, contact sms.Number, patience time.Duration) (conversation.Report, error) {
	said, err := conversation.With(ctx, contact).Say(ctx, "Your table is ready.")
	if err != nil {
		return conversation.Report{}, err
	}
	return said.Delivered(ctx, patience)
}

// A script of another program, with a worker and a task queue of its own, is told
// whether its text arrived.
func TestScriptIsToldWhetherItArrived(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	scripts := worker.New(w.Temporal, "scripts", worker.Options{})
	conversations.Telling{Teller: w.Client()}.Register(scripts)
	scripts.RegisterWorkflow(tell)
	require.NoError(t, scripts.Start())
	t.Cleanup(scripts.Stop)

	arrived, failed, silent, stopped := number(1), number(2), number(3), number(4)
	w.Sim.Next(
		sinchtest.OneShot{Fault: sinchtest.FaultFail, To: failed, Reason: "CHANNEL_REJECT"},
		sinchtest.OneShot{Fault: sinchtest.FaultNoReceipts, To: silent},
	)
	w.Text(stopped, "STOP")
	w.Receives(stopped, "unsubscribed")
	for contact, want := range map[sms.Number]conversation.Report{
		arrived: {Delivery: wire.Delivered},
		failed:  {Delivery: wire.NotDelivered, Reason: "CHANNEL_REJECT"},
		silent:  {Delivery: wire.DeliveryUnknown},
		stopped: {Delivery: wire.NotDelivered, Reason: "the contact opted out"},
	} {
		patience := time.Hour
		if contact == silent {
			patience = 2 * time.Second
		}
		run, err := w.Temporal.ExecuteWorkflow(w.Ctx(), client.StartWorkflowOptions{ID: "tell:" + string(contact), TaskQueue: "scripts"}, tell, contact, patience)
		require.NoError(t, err)
		var report conversation.Report
		require.NoError(t, run.Get(w.Ctx(), &report))
		require.Equal(t, want, report)
	}
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) >= 4 })) // the silent one's may still be on its way
	require.Len(t, w.Sim.Sent(), 4, "each once, and the confirmation of STOP")
}
