package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

const (
	ana sms.Number = "+15559876543"
	bob sms.Number = "+12025550143"
)

// number is one of a hundred numbers reserved for fiction.
func number(i int) sms.Number { return sms.Number(fmt.Sprintf("+120255501%02d", i)) }

// appointment is what a person would type into the UI.
func appointment(contact sms.Number) string {
	return fmt.Sprintf(`{"appointment_id":"A-17","contact":%q,"first_name":"Ana","business_name":"Harbor Dental","start":%q,"zone":"Europe/Berlin","remind_before":"24h"}`,
		contact, time.Now().Add(6*time.Hour).Format(time.RFC3339))
}

func feedback(contact sms.Number, business string) string {
	return fmt.Sprintf(`{"contact":%q,"business_name":%q}`, contact, business)
}

func youSaid(text string) string { return `Thanks for your message! You said: "` + text + `"` }

func TestBothFlows(t *testing.T) {
	t.Parallel()

	w := newWorld(t)

	t.Run("company first", func(t *testing.T) {
		run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
		w.Receives(ana, "Does that suit you?")
		w.Text(ana, "Can we reschedule?")
		w.Receives(ana, "No problem. Harbor Dental will get in touch")

		var result workflows.AppointmentResult
		require.NoError(t, run.Get(w.Ctx(), &result))
		require.Equal(t, workflows.AppointmentResult{ID: "A-17", Outcome: workflows.AppointmentReschedule}, result)
	})

	t.Run("customer first", func(*testing.T) {
		w.Text(bob, "Where is my order?")
		w.Receives(bob, youSaid("Where is my order?"))
	})

	t.Run("everything is in the state", func(t *testing.T) {
		w.Eventually("delivered", func() bool {
			return !slices.ContainsFunc(w.State(ana).Transcript, func(m wire.Message) bool { return m.Key != "" && m.Status != sms.StatusDelivered })
		})
		for _, m := range w.State(ana).Transcript {
			require.NotEmpty(t, m.MessageID, m.Text)
			require.NotEmpty(t, m.Carrier, m.Text)
			require.False(t, m.At.IsZero() || m.Accepted.IsZero(), m.Text)
		}
	})
}

// Each of a hundred contacts writes several texts in a row. The small bound
// makes each conversation continue as new several times meanwhile.
func TestManyNumbersAtOnce(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "40"))
	const each = 6
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			for n := range each { // the next as soon as the webhook took the one before
				if _, err := w.Sim.WaitAcknowledged(w.Ctx(), w.Sim.Text(number(i), ours, "text "+strconv.Itoa(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) >= 100*each }), "%+v", w.Sim.Stats())

	for i := range 100 {
		messages := w.Sim.Phone(number(i)).Messages()
		in := slices.DeleteFunc(slices.Clone(messages), func(m sinchtest.Message) bool { return m.Direction == sinchtest.ToContact })
		slices.SortFunc(in, func(a, b sinchtest.Message) int { return a.AcknowledgedOrder - b.AcknowledgedOrder })
		var want []string
		for _, m := range in {
			want = append(want, youSaid(m.Text))
		}
		require.Equal(t, want, e2e.Texts(messages), "replies in the order of the acknowledgements")

		last := 0
		for _, m := range messages {
			if m.Direction == sinchtest.ToContact {
				n, err := strconv.Atoi(m.Key[strings.LastIndex(m.Key, "-")+1:])
				require.NoError(t, err)
				require.Greater(t, n, last, "texts leave in the order of their keys")
				last = n
			}
		}
	}
	require.Positive(t, w.State(number(0)).Run, "the conversation should have continued as new")
}

func TestTwoOfOurNumbers(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Sim.Text(ana, ours2, "to the second")
	m := w.Receives(ana, youSaid("to the second"))
	require.Equal(t, ours2, m.Sender, "a reply leaves from the number that was texted")
	w.Sim.Text(ana, ours, "to the first")
	m = w.Receives(ana, youSaid("to the first"))
	require.Equal(t, ours, m.Sender)

	for _, sender := range []sms.Sender{ours2, ours} { // the default one may be named, too
		id := "appointment:" + string(sender)
		before := len(w.Sim.Phone(bob).Messages())
		grows := func(by int) {
			t.Helper()
			require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Phone(bob).Messages()) >= before+by }))
		}
		run := w.Start(id, "AppointmentConfirmation", strings.Replace(appointment(bob), "{", fmt.Sprintf(`{"sender":%q,`, sender), 1))
		grows(1)
		require.Equal(t, sender, w.Sim.Phone(bob).Messages()[before].Sender)
		w.Sim.Text(bob, sender, "yes")
		var result workflows.AppointmentResult
		require.NoError(t, run.Get(w.Ctx(), &result))
		require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
		grows(3) // the goodbye may leave after the script has ended
	}

	w.Sim.Text(ana, ours2, "STOP")
	w.Receives(ana, "unsubscribed")
	w.Sim.Text(ana, ours, "still there?")
	w.Receives(ana, youSaid("still there?"))
	state, err := w.Client().State(w.Ctx(), ana, ours2)
	require.NoError(t, err)
	require.NotNil(t, state.OptedOut)
	require.Nil(t, w.State(ana).OptedOut, "consent is per sender")
	w.Eventually("receipts find the second number's conversation", func() bool {
		state, err := w.Client().State(w.Ctx(), ana, ours2)
		return err == nil && state.Transcript[1].Status == sms.StatusDelivered
	})
}

func TestWorkerIsAway(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Text(ana, "before")
	w.Receives(ana, youSaid("before"))

	w.StopWorker()
	for i := range 10 {
		w.Text(number(i), "are you there?")
		require.Equal(t, 202, w.Message(number(i), "a message of the shop", "key-"+strconv.Itoa(i)))
		require.Equal(t, 202, w.Message(number(i), "a message of the shop", "key-"+strconv.Itoa(i)), "a repeat")
	}
	w.StartWorker()
	for i := range 10 {
		w.Receives(number(i), youSaid("are you there?"))
		w.Receives(number(i), "a message of the shop")
	}
	w.Text(ana, "after")
	w.Receives(ana, youSaid("after"))
	require.Len(t, w.Sim.Sent(), 22, "nothing twice")
}

func TestTheSameMessageTwice(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "20"), e2e.Setting("PARLEY_IDLE_AFTER", "10s"), e2e.Setting("PARLEY_DEVELOPMENT", "true"))
	again := func(id, text string) {
		require.Equal(t, 200, w.Post(e2e.Inbound(id, ana, ours, text, time.Now())))
	}
	for i := range 8 { // the conversation continues as new in between
		id, text := "message-"+strconv.Itoa(i), "number "+strconv.Itoa(i)
		again(id, text)
		again(id, text)
		w.Receives(ana, youSaid(text))
		again(id, text)
		again("message-0", "number 0")
	}
	require.Positive(t, w.State(ana).Run)

	w.Eventually("the conversation closes", func() bool {
		described, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(ana, ""), "")
		return err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	again("message-new", "are you open?")
	w.Receives(ana, youSaid("are you open?"))
	again("message-new", "are you open?")
	w.Text(ana, "bye")
	w.Receives(ana, youSaid("bye"))
	require.Len(t, w.Sim.Sent(), 10, "one reply each: %q", e2e.Texts(w.Sim.Sent()))
}

func TestAnswerBeforeTheSendCallReturns(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, For: sinchtest.Duration(2 * time.Second)})
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.Text(ana, "Yes") // a quick thumb: our own call has not returned
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
	w.Receives(ana, "See you")
	require.Len(t, w.Sim.Sent(), 2, "the question and the goodbye, no reply of the responder")
}

func TestATextFromBeforeTheQuestionIsNoAnswer(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	old := time.Now().Add(-time.Minute)
	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	require.Equal(t, 200, w.Post(e2e.Inbound("late", ana, ours, "5", old)))
	w.Receives(ana, youSaid("5"))
	w.Text(ana, "4")
	w.Receives(ana, "glad you liked it")
}

func TestTwoScriptsOnOneNumber(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	first := w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Receives(ana, "the first shop")
	second := w.Start("feedback-2", "Feedback", feedback(ana, "the second shop"))
	w.Eventually("the second waits", func() bool { return len(w.State(ana).Questions) == 2 })

	w.Text(ana, "blue")
	w.Receives(ana, "Please reply with one number") // the first's, before the second's question
	w.Text(ana, "5")
	w.Receives(ana, "glad")
	w.Receives(ana, "the second shop")
	w.Text(ana, "1")
	w.Receives(ana, "What went wrong?")
	w.Text(ana, "Everything")
	w.Receives(ana, "We will do better")

	var result workflows.Rating
	require.NoError(t, first.Get(w.Ctx(), &result))
	require.Equal(t, workflows.Rating{Stars: "5"}, result)
	require.NoError(t, second.Get(w.Ctx(), &result))
	require.Equal(t, workflows.Rating{Stars: "1", Why: "Everything"}, result)
	require.Len(t, w.Sim.Sent(), 6)
}

func TestScriptIsGone(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	for name, end := range map[string]func(id string) error{
		"terminated": func(id string) error { return w.Temporal.TerminateWorkflow(w.Ctx(), id, "", "test") },
		"cancelled":  func(id string) error { return w.Temporal.CancelWorkflow(w.Ctx(), id, "") },
	} {
		t.Run(name, func(t *testing.T) {
			contact := map[string]sms.Number{"terminated": ana, "cancelled": bob}[name]
			run := w.Start("feedback-"+name, "Feedback", feedback(contact, "the shop"))
			w.Receives(contact, "How was your visit")
			require.NoError(t, end("feedback-"+name))
			err := run.Get(w.Ctx(), nil)
			require.Error(t, err)
			require.Equal(t, name == "cancelled", temporal.IsCanceledError(errors.Unwrap(err)) || strings.Contains(err.Error(), "canceled"))
			if name == "cancelled" {
				w.Eventually("the question is withdrawn", func() bool { return len(w.State(contact).Questions) == 0 })
			}

			next := w.Start("feedback-after-"+name, "Feedback", feedback(contact, "another shop"))
			w.Text(contact, "5")
			if name == "terminated" { // it could not say so: its text is not lost
				w.Receives(contact, youSaid("5"))
			}
			w.Receives(contact, "another shop")
			w.Eventually("the next question is open", func() bool { return w.State(contact).Questions[0].AcceptedAt.After(time.Time{}) })
			w.Text(contact, "4")
			var result workflows.Rating
			require.NoError(t, next.Get(w.Ctx(), &result))
			require.Equal(t, "4", result.Stars)
		})
	}
}

func TestSendIsRepeated(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "20"))
	c := w.Client()
	key, err := c.Send(w.Ctx(), ana, "", "order-7", wire.SendRequest{Text: "Your order is ready."})
	require.NoError(t, err)
	run := w.State(ana).Run
	for i := 0; w.State(ana).Run < run+2; i++ {
		w.Text(ana, "text "+strconv.Itoa(i))
		w.Receives(ana, youSaid("text "+strconv.Itoa(i)))
		again, err := c.Send(w.Ctx(), ana, "", "order-7", wire.SendRequest{Text: "Your order is ready."})
		require.NoError(t, err)
		require.Equal(t, key, again)
	}
	require.Equal(t, 202, w.Message(ana, "Your order is ready.", "order-8"))
	require.Equal(t, 202, w.Message(ana, "Your order is ready.", "order-8"))
	w.Text(ana, "thanks")
	w.Receives(ana, youSaid("thanks"))
	ready := 0
	for _, text := range e2e.Texts(w.Sim.Sent()) {
		if text == "Your order is ready." {
			ready++
		}
	}
	require.Equal(t, 2, ready)
}

// Requests that race with continuing as new and with closing are all taken, and
// each once.
func TestSendsRaceWithTheEndOfARun(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "20"), e2e.Setting("PARLEY_IDLE_AFTER", "1s"), e2e.Setting("PARLEY_DEVELOPMENT", "true"))
	const each, senders = 12, 5
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for n := range each {
				words := fmt.Sprintf("message %d of %d", n, i)
				if _, err := w.Client().Send(w.Ctx(), ana, "", words, wire.SendRequest{Text: words}); err != nil {
					t.Errorf("%s: %v", words, err)
				}
				if n%4 == i%4 { // long enough for the conversation to close
					time.Sleep(1100 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) >= each*senders }))
	sent := e2e.Texts(w.Sim.Sent())
	slices.Sort(sent)
	require.Len(t, slices.Compact(sent), each*senders, "each once")
	require.Len(t, w.Sim.Sent(), each*senders)
}

func TestOptOut(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.Text(ana, " Cancel. ")
	w.Receives(ana, "unsubscribed")
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentResult{ID: "A-17", Outcome: workflows.AppointmentOptedOut, Words: " Cancel. "}, result)

	_, err := w.Client().Send(w.Ctx(), ana, "", "x", wire.SendRequest{Text: "An offer!"})
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, wire.TypeRefused, refused.Type())
	require.Contains(t, refused.Message(), "opted out")
	w.Text(ana, "hello?")
	w.Text(ana, "stop")
	w.Text(ana, "Unstop")
	w.Receives(ana, "subscribed again")
	w.Text(ana, "help")
	w.Receives(ana, "Reply STOP to unsubscribe. Message and data rates")
	require.Len(t, w.Sim.Sent(), 4)
}

// A conversation that was only started to refuse a message does not stay open.
func TestRefusedAndEmpty(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	_, err := w.Client().Send(w.Ctx(), ana, "", "x", wire.SendRequest{Text: "  "})
	require.ErrorContains(t, err, "empty")
	w.Eventually("it completes", func() bool {
		described, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(ana, ""), "")
		return err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
}

func TestWhatCannotBeUnderstoodIsSkipped(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Text(ana, "hello")
	w.Receives(ana, youSaid("hello"))
	for _, junk := range []any{nil, "words", 7, map[string]any{"id": "x"}, map[string]any{"id": "y", "kind": "dance"}, map[string]any{"id": "z", "kind": "inbound", "body": 3}, map[string]any{"schema": "one"}} {
		require.NoError(t, w.Temporal.SignalWorkflow(w.Ctx(), wire.ID(ana, ""), "", wire.EventSignal, junk))
	}
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), wire.ID(ana, ""), ""))
	w.Text(ana, "still there?")
	w.Receives(ana, youSaid("still there?"))
	state := w.State(ana)
	require.Len(t, state.Skipped, 7)
	require.Contains(t, state.Attention().Reason, "cancelled")

	raw, err := json.Marshal(state)
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"settings":{}`)
}

// A question whose script is named by hand, and wrongly, does not stop the
// conversation: it is asked, its answer finds nobody, and the text is not lost.
func TestAQuestionOfNobody(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	for i, run := range []string{"junk", "", "00000000-0000-0000-0000-000000000000"} {
		ask := fmt.Sprintf(`{"schema":1,"id":"ask-%d","kind":"ask","body":{"script":{"type":"S","workflow_id":"nobody","run_id":%q},"text":"question %d?"}}`, i, run, i)
		var e wire.Envelope
		require.NoError(t, json.Unmarshal([]byte(ask), &e))
		require.NoError(t, w.Client().Tell(w.Ctx(), ana, "", e))
		w.Receives(ana, fmt.Sprintf("question %d?", i))
		w.Eventually("it is open", func() bool { q := w.State(ana).Questions; return len(q) == 1 && !q[0].OpenSince.IsZero() })
		w.Text(ana, fmt.Sprintf("answer %d", i))
		w.Receives(ana, youSaid(fmt.Sprintf("answer %d", i)))
	}
}
