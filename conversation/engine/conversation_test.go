package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
)

const contact sms.Number = "+15559876543"

// talk is one Conversation in virtual time, with a carrier whose every answer
// the test decides.
type talk struct {
	*testing.T
	env      *testsuite.TestWorkflowEnvironment
	settings wire.Settings
	respond  func(activities.Turn) (wire.Decision, error)
	answer   func(n int, m sms.Outbound) error // of the n-th send
	find     func(sms.Search) (sms.Finding, error)
	outcomes []string                     // signals to scripts: "<ask id> <kind>"
	answers  map[string][]json.RawMessage // their bodies, by name
	gone     bool                         // scripts do not exist any more
	timers   int

	mu       sync.Mutex
	notices  []wire.Notice
	handed   []wire.Undelivered
	records  []activities.Record
	recalled []activities.Record // what the archive has from before
	hook     func() error        // of notices, the fallback and the archive
	sends    []sms.Outbound
	turns    []activities.Turn
	start    time.Time

	ids          wire.IDs
	suppressions engine.Suppressions

	responder engine.Responder

	closes, closed time.Time // automatic texts wait from the one until the other
}

func newTalk(t *testing.T) *talk {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	k := &talk{
		T: t, env: suite.NewTestWorkflowEnvironment(), settings: wire.DefaultSettings(),
		respond: func(turn activities.Turn) (wire.Decision, error) {
			return wire.Decision{Reply: "re: " + turn.Text}, nil
		},
		answer:  func(int, sms.Outbound) error { return nil },
		find:    func(sms.Search) (sms.Finding, error) { return sms.Finding{Certain: true}, nil },
		start:   time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC),
		answers: map[string][]json.RawMessage{},
	}
	k.env.SetStartTime(k.start)
	k.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // the machine may be busy
	k.env.SetTestTimeout(time.Minute)
	k.env.SetOnTimerScheduledListener(func(string, time.Duration) { k.timers++ })
	return k
}

func (k *talk) Send(_ context.Context, m sms.Outbound) (sms.Accepted, error) {
	k.mu.Lock()
	k.sends = append(k.sends, m)
	n := len(k.sends)
	k.mu.Unlock()
	if err := k.answer(n, m); err != nil {
		return sms.Accepted{}, err
	}
	return sms.Accepted{MessageID: "M" + strconv.Itoa(n), At: k.env.Now()}, nil
}

func (k *talk) Find(_ context.Context, s sms.Search) (sms.Finding, error) { return k.find(s) }

func (k *talk) HandleInboundMessage(_ context.Context, turn activities.Turn) (wire.Decision, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turns = append(k.turns, turn)
	return k.respond(turn)
}

func (k *talk) Start(_ context.Context, script, messageID string, _ json.RawMessage) error {
	if k.gone {
		return temporal.NewNonRetryableApplicationError("there is no such script", "UnknownScript", nil)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.outcomes = append(k.outcomes, "start "+script+" for "+messageID)
	return nil
}

func (k *talk) Runs(context.Context, wire.ScriptRef) (bool, error) { return !k.gone, nil }

func (k *talk) outside(do func()) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hook != nil {
		if err := k.hook(); err != nil {
			return err
		}
	}
	do()
	return nil
}

// tells has these services set.
func (k *talk) tells(hooks ...wire.Hook) { k.settings.Hooks = hooks }

// Tell is any of them.
func (k *talk) Tell(_ context.Context, id string, body json.RawMessage) error {
	return k.outside(func() {
		var u wire.Undelivered
		if err := json.Unmarshal(body, &u); err == nil && u.Key == id {
			k.handed = append(k.handed, u)
			return
		}
		var n wire.Notice
		require.NoError(k, json.Unmarshal(body, &n))
		require.Equal(k, id, n.ID)
		k.notices = append(k.notices, n)
	})
}

// shelf is the archive.
type shelf struct{ *talk }

func (k shelf) Store(_ context.Context, records []activities.Record) error {
	return k.outside(func() { k.records = append(k.records, records...) })
}

func (k shelf) Recent(_ context.Context, _ string, n int) ([]activities.Record, error) {
	records := k.recalled
	return records[max(0, len(records)-n):], k.outside(func() {})
}

func (k shelf) Find(context.Context, string) (activities.Record, error) {
	return activities.Record{}, activities.ErrNoRecord
}

func (k shelf) Erase(context.Context, string) (int, error) {
	return 0, errors.New("no conversation erases")
}

// at does something at a time after the start.
func (k *talk) at(after time.Duration, do func()) { k.env.RegisterDelayedCallback(do, after) }

func (k *talk) signal(e wire.Envelope, err error) {
	require.NoError(k, err)
	k.env.SignalWorkflow(wire.EventSignal, e)
}

func (k *talk) text(id, words string) {
	k.signal(wire.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: words, AcceptedAt: k.env.Now()}, k.env.Now()))
}

func (k *talk) send(id, words string) {
	k.signal(wire.SendEvent(id, wire.SendRequest{Text: words}, k.env.Now()))
}

func (k *talk) receipt(messageID, key string, status sms.Status) {
	k.signal(wire.ReceiptEvent(sms.Receipt{MessageID: messageID, Key: key, Status: status, At: k.env.Now(), AcceptedAt: k.env.Now()}, k.env.Now()))
}

func (k *talk) ask(id, script, words string, timeout time.Duration, until time.Time) {
	body, err := json.Marshal(map[string]any{
		"script": wire.ScriptRef{Type: "Script", WorkflowID: script, RunID: script + "-run"}, "text": words, "timeout": timeout, "useful_until": until,
	})
	k.signal(wire.Envelope{Schema: 1, ID: id, Kind: wire.KindAsk, Body: body}, err)
}

func (k *talk) say(id, script, words string) {
	body, err := json.Marshal(map[string]any{"script": wire.ScriptRef{Type: "Script", WorkflowID: script, RunID: script + "-run"}, "text": words})
	k.signal(wire.Envelope{Schema: 1, ID: id, Kind: wire.KindSay, Body: body}, err)
}

// state asks the conversation at a moment of the play.
func (k *talk) state() wire.State {
	value, err := k.env.QueryWorkflow(wire.StateQuery)
	require.NoError(k, err)
	var s wire.State
	require.NoError(k, value.Get(&s))
	return s
}

// run plays until the conversation closes, and returns its last state.
func (k *talk) run() wire.State {
	k.Helper()
	k.play(wire.Start{Contact: contact})
	require.NoError(k, k.env.GetWorkflowError())
	var s wire.State
	require.NoError(k, k.env.GetWorkflowResult(&s))
	return s
}

func (k *talk) play(start wire.Start) {
	k.Helper()
	toolkit := &engine.Toolkit{Settings: k.settings, Scripts: k, IDs: k.ids, Suppressions: k.suppressions}
	toolkit.Closed(k.closes, k.closed)
	toolkit.Responder = k.responder
	engine.Register(k.env, toolkit)
	k.env.RegisterActivity(&activities.Messaging{Carrier: k, Now: k.env.Now})
	k.env.RegisterActivity(k.HandleInboundMessage)
	k.env.RegisterActivity(activities.Services{wire.HookNotify: k, wire.HookFallback: k}.TellService)
	k.env.RegisterActivity(&activities.Archives{Archive: shelf{k}})
	k.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, workflowID, _, name string, arg any) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.gone {
				return serviceerror.NewNotFound("gone")
			}
			raw, err := json.Marshal(arg)
			if err != nil {
				return err
			}
			var o struct{ Kind, Text, Reason, Delivered string }
			if err := json.Unmarshal(raw, &o); err != nil {
				return err
			}
			k.answers[name] = append(k.answers[name], raw)
			k.outcomes = append(k.outcomes, fmt.Sprint(workflowID, " ", name, " ", o.Kind, " ", o.Text+o.Reason+o.Delivered))
			return nil
		}).Maybe()
	k.env.ExecuteWorkflow(wire.WorkflowType, start)
	require.True(k, k.env.IsWorkflowCompleted())
}

// continued plays a run that continues as new and returns what it hands on.
func (k *talk) continued() wire.State {
	k.Helper()
	k.play(wire.Start{Contact: contact})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(k, k.env.GetWorkflowError(), &next)
	var start wire.Start
	require.NoError(k, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
	return *start.State
}

// last plays until the conversation closes or continues as new, as one does that
// has something parked, and returns what it knows then.
func (k *talk) last() wire.State {
	k.Helper()
	k.play(wire.Start{Contact: contact})
	var s wire.State
	var next *workflow.ContinueAsNewError
	if err := k.env.GetWorkflowError(); errors.As(err, &next) {
		var start wire.Start
		require.NoError(k, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
		return *start.State
	}
	require.NoError(k, k.env.GetWorkflowError())
	require.NoError(k, k.env.GetWorkflowResult(&s))
	return s
}

func words(sends []sms.Outbound) []string {
	var w []string
	for _, m := range sends {
		w = append(w, m.Text)
	}
	return w
}

func notTaken() error {
	return &sms.SendError{Doubt: sms.NotTaken, Code: "RESOURCE_EXHAUSTED"}
}

func ambiguous() error { return &sms.SendError{Doubt: sms.Ambiguous, Code: "HTTP 500"} }

func TestAnswersInOrderAndOnce(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		k.text("1", "one")
		k.text("1", "one")
		k.text("2", "two")
	})
	k.at(time.Hour, func() { k.text("2", "two") })
	state := k.run()
	require.Equal(t, []string{"re: one", "re: two"}, words(k.sends))
	require.Equal(t, "re: two", state.Transcript[3].Text)
	require.Equal(t, []string{"contact", "contact", "responder"}, []string{k.turns[1].Transcript[0].From, "contact", k.turns[1].Transcript[len(k.turns[1].Transcript)-1].From})
}

func TestClosesWhenIdleWithOneTimerAPeriod(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.IdleAfter = 10 * time.Hour
	for i := range 30 {
		k.at(time.Duration(i)*10*time.Minute, func() { k.text(strconv.Itoa(i), "hello") })
	}
	k.settings.TextsPerHour = 1000
	state := k.run()
	require.Len(t, k.sends, 30)
	require.LessOrEqual(t, k.timers-30, 3, "timers, without the test's own") // one, re-armed once
	require.Equal(t, k.start.Add(290*time.Minute), state.ActiveAt)
}

func TestStopActsOnReceipt(t *testing.T) {
	t.Parallel()

	for _, stop := range []string{"STOP", " stop. ", "Unsubscribe!", "cancel", "END", "quit", "Revoke", "OptOut", "STOPALL", "opt-out"} {
		k := newTalk(t)
		carrierTakes := false
		k.answer = func(int, sms.Outbound) error {
			if !carrierTakes {
				return notTaken()
			}
			return nil
		}
		k.at(0, func() {
			k.send("a", "first")
			k.send("b", "second")
			k.ask("q", "script", "well?", time.Hour, time.Time{})
			k.say("s", "script", "by the way")
		})
		k.at(time.Second, func() {
			carrierTakes = true
			k.text("1", stop)
			k.text("2", "anybody there?")
			k.text("3", stop)
		})
		k.at(time.Minute, func() {
			k.send("c", "third")
			state := k.state()
			require.NotNil(t, state.OptedOut, stop)
			require.Empty(t, state.Outbox)
			require.Equal(t, stop, state.OptedOut.Text)
		})
		k.at(2*time.Minute, func() { k.text("4", "start") })
		k.run()
		sent := words(k.sends)
		require.Equal(t, "first", sent[0])
		require.Equal(t, []string{k.settings.OptOutReply, k.settings.OptInReply}, sent[1:], stop)
		require.Equal(t, []string{"script answer/q opted out " + stop}, k.outcomes)
	}
}

func TestOptedOutDoesNotCloseButContinues(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.text("1", "STOP") })
	state := k.continued()
	require.NotNil(t, state.OptedOut)
	require.WithinDuration(t, k.start.Add(30*24*time.Hour), k.env.Now(), 0)
}

// A run that goes on for a month holds an old build, and an old key.
func TestEachRunContinuesWithinAMonth(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	for day := range 40 {
		k.at(time.Duration(day)*24*time.Hour, func() { k.text(fmt.Sprint("text-", day), "hello") })
	}
	state := k.continued()
	require.Equal(t, 1, state.Run)
	require.WithinDuration(t, k.start.Add(30*24*time.Hour), k.env.Now(), 0)
	require.Len(t, words(k.sends), 30, "and none is left unanswered")
}

func TestContinuesAsNewWithEverything(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		k.ask("q", "script", "well?", time.Hour, time.Time{})
		k.text("early", "hm")
	})
	k.at(time.Minute, func() {
		k.env.SetContinueAsNewSuggested(true)
		k.text("late", "wait")
	})
	state := k.continued()
	require.Equal(t, 1, state.Run)
	require.Len(t, state.Questions, 1)
	require.Len(t, state.Seen, 2)
	require.Len(t, state.Inbox, 1, "taken, not yet worked on, not lost")

	next := newTalk(t)
	next.at(0, func() {
		next.text("early", "hm")
		next.text("late", "wait")
	})
	next.play(wire.Start{Contact: contact, State: &state})
	require.NoError(t, next.env.GetWorkflowError())
	require.Empty(t, next.turns, "the answer went to the question, duplicates nowhere")
	require.Equal(t, []string{"script answer/q answered wait"}, next.outcomes)
	require.Empty(t, next.sends, "the question was asked by the run before")
}

func TestANewerSchemaIsNotTouched(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.play(wire.Start{Contact: contact, State: &wire.State{Life: wire.Life{Schema: wire.Schema + 1}}})
	require.ErrorContains(t, k.env.GetWorkflowError(), "deploy the newer worker")

	k = newTalk(t)
	k.at(0, func() {
		k.signal(wire.Envelope{Schema: wire.Schema + 1, ID: "x", Kind: wire.KindInbound}, nil)
	})
	k.play(wire.Start{Contact: contact})
	require.ErrorContains(t, k.env.GetWorkflowError(), "deploy the newer worker")
}

func TestSendingInDoubt(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		play   func(k *talk)
		sends  int
		status sms.Status
		keys   string // suffix of the last key
	}{
		"a callback settles it": {
			play: func(k *talk) {
				k.at(10*time.Second, func() { k.receipt("M1", k.sends[0].Key, sms.StatusDelivered) })
			},
			sends: 1, status: sms.StatusDelivered,
		},
		"the list shows it": {
			play: func(k *talk) {
				k.find = func(s sms.Search) (sms.Finding, error) {
					require.Equal(k, []string{k.sends[0].Key}, s.Keys)
					return sms.Finding{Accepted: &sms.Accepted{MessageID: "found", At: k.start}}, nil
				}
			},
			sends: 1, status: sms.StatusAccepted,
		},
		"the list would show it": {sends: 2, status: sms.StatusAccepted, keys: "-1.2"},
		"the list cannot be read": {
			play: func(k *talk) {
				k.find = func(sms.Search) (sms.Finding, error) {
					if k.env.Now().Before(k.start.Add(20 * time.Minute)) {
						return sms.Finding{}, errors.New("unavailable")
					}
					return sms.Finding{Accepted: &sms.Accepted{MessageID: "found", At: k.start}}, nil
				}
			},
			sends: 1, status: sms.StatusAccepted,
		},
		"nobody can know": {
			play:  func(k *talk) { k.find = func(sms.Search) (sms.Finding, error) { return sms.Finding{}, nil } },
			sends: 2, status: sms.StatusAccepted, keys: "-1.2",
		},
		"found at the last look": {
			play: func(k *talk) {
				k.answer = func(int, sms.Outbound) error { return ambiguous() }
				looks := 0
				k.find = func(sms.Search) (sms.Finding, error) {
					if looks++; looks < 3 {
						return sms.Finding{Certain: true}, nil
					}
					return sms.Finding{Accepted: &sms.Accepted{MessageID: "found", At: k.start}}, nil
				}
			},
			sends: 3, status: sms.StatusAccepted, keys: "-1.3",
		},
		"always in doubt": {
			play:  func(k *talk) { k.answer = func(int, sms.Outbound) error { return ambiguous() } },
			sends: 3, status: sms.StatusUnknown, keys: "-1.3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.answer = func(n int, _ sms.Outbound) error {
				if n == 1 {
					return ambiguous()
				}
				return nil
			}
			k.at(0, func() { k.send("a", "hello") })
			if test.play != nil {
				test.play(k)
			}
			state := k.last()
			require.Len(t, k.sends, test.sends)
			require.Equal(t, test.status, state.Transcript[0].Status)
			require.Equal(t, test.status == sms.StatusUnknown, len(state.Parked) == 1)
			require.Contains(t, k.sends[len(k.sends)-1].Key, test.keys)
		})
	}
}

func TestInDoubtAndParked(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error { return ambiguous() }
	k.find = func(sms.Search) (sms.Finding, error) { return sms.Finding{}, nil }
	k.at(0, func() {
		k.signal(wire.SendEvent("a", wire.SendRequest{Text: "an offer", InDoubt: wire.Park}, k.start))
	})
	state := k.continued()
	require.Len(t, k.sends, 1)
	require.Equal(t, sms.StatusUnknown, state.Transcript[0].Status)
	require.NotEmpty(t, state.Concerns)
	require.Equal(t, wire.ParkedInDoubt, state.Parked[0].Code)
}

func TestCarrierOutage(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	over := k.start.Add(20 * time.Minute)
	k.answer = func(int, sms.Outbound) error {
		if k.env.Now().Before(over) {
			return notTaken()
		}
		return nil
	}
	k.at(0, func() {
		k.send("a", "first")
		k.send("b", "second")
	})
	k.at(15*time.Minute, func() { require.Contains(t, k.state().Attention().Reason, "takes no messages") })
	state := k.run()
	require.Equal(t, []string{"first", "second"}, []string{state.Transcript[0].Text, state.Transcript[1].Text})
	require.Equal(t, sms.StatusAccepted, state.Transcript[1].Status)
	require.Less(t, len(k.sends), 40, "tries during the outage are bounded")
	require.Empty(t, state.Concerns, "it is over")
}

func TestRefusedForGood(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(_ int, m sms.Outbound) error {
		if m.Text == "well?" {
			return &sms.SendError{Doubt: sms.Refused, Code: "PERMISSION_DENIED"}
		}
		return nil
	}
	k.at(0, func() {
		k.ask("q", "script", "well?", time.Hour, time.Time{})
		k.send("b", "second")
	})
	state := k.run()
	require.Equal(t, sms.StatusAccepted, state.Transcript[0].Status)
	require.Equal(t, sms.StatusFailed, state.Transcript[1].Status)
	require.Equal(t, []string{"script answer/q undeliverable PERMISSION_DENIED"}, k.outcomes)
	require.Contains(t, state.Attention().Reason, "PERMISSION_DENIED")
}

func TestReceiptsInAnyOrderEndInTheSameState(t *testing.T) {
	t.Parallel()

	for _, order := range [][]sms.Status{
		{sms.StatusOnChannel, sms.StatusDelivered},
		{sms.StatusDelivered, sms.StatusOnChannel, sms.StatusDelivered},
		{sms.StatusFailed, sms.StatusDelivered, sms.StatusAccepted},
	} {
		k := newTalk(t)
		k.at(0, func() {
			for _, status := range order { // before the carrier's own answer was noted
				k.receipt("M1", "", status)
			}
			k.send("a", "hello")
		})
		k.at(time.Minute, func() { k.receipt("M1", "", sms.StatusOnChannel) })
		require.Equal(t, sms.StatusDelivered, k.run().Transcript[0].Status)
	}
}

func TestResponderFails(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.ResponderTries = []time.Duration{10 * time.Second, time.Minute, time.Minute}
	k.respond = func(activities.Turn) (wire.Decision, error) {
		return wire.Decision{}, temporal.NewApplicationError("no", activities.ErrTypeBadAnswer)
	}
	k.at(0, func() { k.text("1", "one") })
	k.at(time.Second, func() { k.text("2", "two") })
	k.at(11*time.Second, func() { k.text("3", "three") })
	state := k.continued() // it does not close: somebody has to look
	require.Len(t, k.turns, 4)
	require.Equal(t, "one", k.turns[0].Text)
	require.Equal(t, "one\ntwo", k.turns[1].Text, "what arrived meanwhile joins the next try")
	require.Equal(t, "one\ntwo\nthree", k.turns[2].Text)
	require.Equal(t, k.turns[2].ID, k.turns[3].ID, "the same turn, the same idempotency key")
	require.NotEqual(t, k.turns[1].ID, k.turns[2].ID)
	require.Len(t, state.Parked, 1)
	require.Equal(t, "no", state.Parked[0].Reason)
	require.Equal(t, wire.ParkedBadAnswer, state.Parked[0].Code)
	require.Len(t, state.Parked[0].Turn.Texts, 3)
}

func TestResponderStartsAScript(t *testing.T) {
	t.Parallel()

	for name, reply := range map[string]string{"and replies": "Gladly!", "and says nothing": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.respond = func(turn activities.Turn) (wire.Decision, error) {
				if turn.Text != "rate us" {
					return wire.Decision{Reply: "re: " + turn.Text}, nil
				}
				return wire.Decision{Reply: reply, Start: &wire.Starting{Script: "Feedback"}}, nil
			}
			k.at(0, func() {
				k.text("1", "rate us")
				k.text("2", "and more")
			})
			state := k.run()
			require.Equal(t, []string{"start Feedback for 1"}, k.outcomes)
			require.Equal(t, "re: and more", k.sends[len(k.sends)-1].Text)
			require.Nil(t, state.Turn)
		})
	}

	t.Run("that does not exist", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.gone = true
		k.respond = func(turn activities.Turn) (wire.Decision, error) {
			return wire.Decision{Reply: "re: " + turn.Text, Start: &wire.Starting{Script: "Dance"}}, nil
		}
		k.at(0, func() { k.text("1", "dance") })
		k.at(time.Minute, func() {
			require.Contains(t, k.state().Parked[0].Reason, "no such script")
			k.text("2", "STOP") // while it is parked
		})
		state := k.continued()
		require.Len(t, state.Parked, 1)
		require.Equal(t, "re: dance", k.sends[0].Text)
	})

	t.Run("and the contact opts out meanwhile", func(t *testing.T) {
		t.Parallel()

		for _, when := range []time.Duration{0, time.Millisecond} {
			k := newTalk(t)
			k.answer = func(_ int, m sms.Outbound) error {
				if m.Text == "Gladly!" {
					return notTaken() // it stays in the outbox
				}
				return nil
			}
			k.respond = func(activities.Turn) (wire.Decision, error) {
				return wire.Decision{Reply: "Gladly!", Start: &wire.Starting{Script: "Feedback"}}, nil
			}
			k.at(0, func() { k.text("1", "rate us") })
			k.at(when, func() { k.text("2", "STOP") })
			state := k.continued()
			require.Nil(t, state.Turn)
			require.Equal(t, k.settings.OptOutReply, k.sends[len(k.sends)-1].Text)
		}
	})
}

func TestAScriptThatIsTerminatedGivesWay(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		k.ask("q1", "one", "first?", 24*time.Hour, time.Time{})
		k.ask("q2", "two", "second?", 24*time.Hour, time.Time{})
	})
	k.at(time.Minute, func() { k.gone = true })
	k.at(6*time.Minute, func() { require.Equal(t, []string{"first?", "second?"}, words(k.sends)) })
	k.run()
}

func TestTwoMachinesDoNotTalkForEver(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.tells(wire.HookNotify)
	for i := range 40 {
		k.at(time.Duration(i)*time.Second, func() { k.text(strconv.Itoa(i), "I am away") })
	}
	k.at(2*time.Hour, func() { k.text("later", "I am back") })
	state := k.continued()
	require.Len(t, k.sends, 31)
	require.Len(t, state.Transcript, 72, "all are recorded")
	require.Len(t, state.Parked, 10)
	require.Equal(t, wire.ParkedLoop, state.Parked[0].Code)
	require.NotEmpty(t, state.Concerns)
	require.Len(t, k.notices, 1, "one word about a loop is enough")
}

func TestMediaIsToldToTheResponder(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, nil }
	k.at(0, func() {
		k.ask("q", "script", "well?", 2*time.Hour, time.Time{})
	})
	k.at(time.Minute, func() {
		k.signal(wire.InboundEvent(sms.Inbound{ID: "1", From: contact, Kind: sms.KindMedia, Text: "https://example.com/cat", AcceptedAt: k.env.Now()}, k.env.Now()))
	})
	k.run()
	require.Equal(t, sms.KindMedia, k.turns[0].Kind)
	require.Equal(t, []string{"script answer/q no reply unknown"}, k.outcomes, "a picture answers nothing")
}

func TestQuestions(t *testing.T) {
	t.Parallel()

	t.Run("wait for each other, and share the time", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() {
			k.ask("q1", "one", "first?", 24*time.Hour, time.Time{})
			k.ask("q2", "two", "second?", 24*time.Hour, k.start.Add(2*time.Hour))
			k.ask("q3", "three", "never?", time.Hour, k.start.Add(time.Second))
		})
		k.at(59*time.Minute, func() { require.Len(t, k.sends, 1) })
		k.at(61*time.Minute, func() { k.text("1", "yes") })
		k.run()
		require.Equal(t, []string{"first?", "second?"}, words(k.sends))
		require.Equal(t, []string{"three answer/q3 too late ", "one answer/q1 no reply unknown", "two answer/q2 answered yes"}, k.outcomes)
	})

	t.Run("say whether they arrived", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() { k.ask("q1", "one", "first?", time.Hour, time.Time{}) })
		k.at(time.Minute, func() { k.receipt("M1", "", sms.StatusDelivered) })
		k.at(2*time.Hour, func() { k.ask("q2", "one", "again?", time.Hour, time.Time{}) })
		k.at(2*time.Hour+time.Minute, func() { k.receipt("M2", "", sms.StatusFailed) })
		k.run()
		require.Equal(t, []string{"one answer/q1 no reply delivered", "one answer/q2 undeliverable "}, k.outcomes)
	})

	t.Run("are known when asked again", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() {
			k.ask("q1", "one", "first?", time.Hour, time.Time{})
			k.ask("q1", "one", "first?", time.Hour, time.Time{})
		})
		k.at(time.Minute, func() { k.text("1", "yes") })
		k.at(2*time.Minute, func() { k.ask("q1", "one", "first?", time.Hour, time.Time{}) })
		k.run()
		require.Len(t, k.sends, 1)
		require.Equal(t, []string{"one answer/q1 answered yes", "one answer/q1 answered yes"}, k.outcomes)
	})

	t.Run("keep the floor after an answer, for ten seconds", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() {
			k.ask("q1", "one", "first?", time.Hour, time.Time{})
			k.ask("q2", "two", "second?", time.Hour, time.Time{})
		})
		k.at(time.Minute, func() {
			k.text("1", "yes")
			k.text("2", "and hello")
		})
		k.at(time.Minute+9*time.Second, func() {
			require.Len(t, k.sends, 1)
			k.ask("q1b", "one", "really?", time.Hour, time.Time{})
			k.say("s2", "two", "me too")
		})
		k.at(2*time.Minute, func() { k.text("3", "really") })
		k.at(2*time.Minute+11*time.Second, func() { require.Equal(t, "second?", k.sends[len(k.sends)-1].Text) })
		k.run()
		require.Equal(t, []string{"first?", "really?", "me too", "re: and hello", "second?"}, words(k.sends))
	})

	t.Run("lose nothing to a script that is gone", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() { k.ask("q1", "one", "first?", time.Hour, time.Time{}) })
		k.at(time.Minute, func() {
			k.gone = true
			k.text("1", "yes")
		})
		k.run()
		require.Equal(t, []string{"first?", "re: yes"}, words(k.sends))
	})

	t.Run("of an older run are withdrawn", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() { k.ask("q1", "one", "first?", time.Hour, time.Time{}) })
		k.at(time.Minute, func() {
			body := []byte(`{"script":{"type":"Script","workflow_id":"one","run_id":"another"},"text":"again?","timeout":3600000000000}`)
			k.signal(wire.Envelope{Schema: 1, ID: "q2", Kind: wire.KindAsk, Body: body}, nil)
		})
		k.at(2*time.Minute, func() { k.text("1", "yes") })
		k.run()
		require.Equal(t, []string{"first?", "again?"}, words(k.sends))
		require.Equal(t, []string{"one answer/q2 answered yes"}, k.outcomes)
	})
}

func TestSayOnce(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		k.say("s", "script", "hello")
		k.say("s", "script", "hello")
		k.say("t", "script", "hello")
	})
	k.at(time.Hour, func() { k.say("s", "script", "hello") })
	k.run()
	require.Len(t, k.sends, 2, "one for each id")
}

func TestBounds(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error {
		if k.env.Now().Before(k.start.Add(time.Minute)) {
			return notTaken()
		}
		return nil
	}
	k.at(0, func() {
		for i := range 110 {
			k.send(strconv.Itoa(i), "message "+strconv.Itoa(i))
		}
		for i := range 25 {
			k.ask("q"+strconv.Itoa(i), "one", "question?", time.Minute, time.Time{})
		}
	})
	k.at(time.Second, func() {
		state := k.state()
		require.Len(t, state.Outbox, 100)
		require.Len(t, state.Skipped, 10)
		require.Contains(t, state.Skipped[0].Reason, "wait to be sent")
	})
	state := k.run()
	require.Len(t, k.outcomes, 25)
	require.LessOrEqual(t, len(state.Transcript), 100)
	require.Positive(t, state.Evicted)
}

// Nobody writes as the contact, or as one of us: the responder reads the transcript.
func TestNobodyWritesAsSomebodyElse(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		for _, by := range []string{"contact", " Contact", "responder", "PARLEY"} {
			k.signal(wire.SendEvent(by, wire.SendRequest{Text: "Hello", By: by}, k.env.Now()))
		}
		k.signal(wire.SendEvent("kim", wire.SendRequest{Text: "Hello", By: "kim"}, k.env.Now()))
	})
	state := k.run()
	require.Equal(t, []string{"Hello"}, words(k.sends))
	require.Equal(t, "kim", state.Transcript[0].From)
	require.Len(t, state.Skipped, 4)
	require.Contains(t, state.Skipped[0].Reason, "not a name to send by")
}

// TestATraceThatIsNone is not kept: it would stand in the state for each text.
func TestATraceThatIsNone(t *testing.T) {
	t.Parallel()

	const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) {
		return wire.Decision{}, unreachable()
	}
	k.at(0, func() {
		for i, trace := range []string{strings.Repeat("0", 100_000), valid} {
			id := strconv.Itoa(i)
			e, err := wire.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: "Hello", AcceptedAt: k.env.Now()}, k.env.Now())
			e.Trace = trace
			k.signal(e, err)
		}
	})
	k.at(time.Second, func() {
		state := k.state()
		require.Empty(t, state.Turn.Texts[0].Trace)
		require.Equal(t, valid, state.Backlog[0].Trace)
	})
	k.last()
}
