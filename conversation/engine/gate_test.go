package engine_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
)

// What must wait holds up nobody, and is seen with its reason and its time.
func TestWhatMustWaitIsHeldBesideTheOutbox(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	soon := k.start.Add(time.Hour)
	k.at(0, func() {
		k.signal(wire.SendEvent("a", wire.SendRequest{Text: "later", NotBefore: soon}, k.start))
		k.send("b", "now")
		k.signal(wire.SendEvent("c", wire.SendRequest{Text: "never", NotBefore: soon, UsefulUntil: soon}, k.start))
	})
	k.at(time.Minute, func() {
		state := k.state()
		require.Equal(t, []string{"now"}, words(k.sends))
		require.Len(t, state.Held, 1)
		require.Equal(t, soon, state.Held[0].Delivery.NextTry)
		require.Equal(t, "it is not to be sent earlier", state.Held[0].Delivery.Why)
		require.Equal(t, "too late to be useful", state.Skipped[0].Reason)
	})
	k.at(61*time.Minute, func() { require.Equal(t, []string{"now", "later"}, words(k.sends)) })
	k.run()
}

func TestHeldTextsAreBounded(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		for i := range 110 {
			k.signal(wire.SendEvent(strconv.Itoa(i), wire.SendRequest{Text: "later", NotBefore: k.start.Add(time.Hour)}, k.start))
		}
	})
	k.at(time.Minute, func() {
		require.Len(t, k.state().Held, 100)
		require.Equal(t, "100 messages wait to be sent already", k.state().Skipped[0].Reason)
	})
	k.run()
	require.Len(t, k.sends, 100)
}

func TestStopDropsWhatIsHeld(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.OptOutReply = ""
	k.at(0, func() {
		k.signal(wire.SendEvent("a", wire.SendRequest{Text: "later", NotBefore: k.start.Add(time.Hour)}, k.start))
	})
	k.at(time.Minute, func() { k.text("1", "STOP") })
	k.at(2*time.Hour, func() { k.text("2", "START") })
	k.last()
	require.Equal(t, []string{"You are subscribed again. Reply HELP for help, STOP to unsubscribe."}, words(k.sends))
}

// A question asks the gate before it gets a key or the floor, so one that must wait
// holds up neither a person nor the contact.
func TestScriptsWaitForTheGate(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.closed = k.start.Add(8 * time.Hour)
	k.at(0, func() {
		k.say("s", "Reminder", "See you tomorrow")
		k.ask("q", "Feedback", "How was it?", 24*time.Hour, time.Time{})
		k.ask("late", "Feedback", "Can you come at noon?", 24*time.Hour, k.start.Add(3*time.Hour))
		k.send("b", "written by hand")
	})
	k.at(time.Minute, func() { k.watch("w", "s", k.start) })
	k.at(2*time.Minute, func() {
		require.JSONEq(t, `{"schema":1,"kind":"reported","delivered":"unknown","reason":"we are closed","until":"2026-03-02T17:00:00Z","epoch":1}`, string(k.answers["answer/w"][0]))
		k.outcomes = nil
	})
	k.at(time.Hour, func() {
		state := k.state()
		require.Equal(t, []string{"written by hand"}, words(k.sends))
		require.Equal(t, "we are closed", state.Questions[0].Why)
		require.Equal(t, k.closed, state.Questions[0].NotBefore)
		require.Empty(t, state.Questions[0].Key)
		require.Equal(t, "we are closed", state.Held[0].Delivery.Why)
	})
	k.at(4*time.Hour, func() { require.Equal(t, []string{"Feedback answer/late too late "}, k.outcomes) })
	k.at(9*time.Hour, func() {
		require.ElementsMatch(t, []string{"written by hand", "See you tomorrow", "How was it?"}, words(k.sends))
		require.True(t, k.state().Questions[0].Open())
		k.text("1", "Great")
	})
	k.last()
	require.Equal(t, "Feedback answer/q answered Great", k.outcomes[1])
}

// A reply that must wait keeps neither the floor nor the next text waiting.
func TestRepliesWaitForTheGate(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.closed = k.start.Add(8 * time.Hour)
	k.at(0, func() { k.text("1", "one") })
	k.at(time.Hour, func() { k.text("2", "two") })
	k.at(2*time.Hour, func() {
		state := k.state()
		require.Len(t, state.Held, 2)
		require.Nil(t, state.Turn)
		require.Empty(t, state.Floor.Holder)
		k.send("a", "written by hand")
	})
	k.last()
	require.Equal(t, []string{"written by hand", "re: one", "re: two"}, words(k.sends))
}

// A question that waits in the outbox while the gate closes is asked when it opens,
// and nothing of it is lost.
func TestAQuestionInTheOutboxGoesBack(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n < 3 {
			return notTaken()
		}
		return nil
	}
	k.closed, k.closes = k.start.Add(8*time.Hour), k.start.Add(3*time.Second)
	k.at(0, func() { k.ask("q", "Feedback", "How was it?", 24*time.Hour, time.Time{}) })
	k.at(time.Hour, func() {
		state := k.state()
		require.Empty(t, state.Outbox)
		require.Empty(t, state.Held)
		require.Equal(t, "we are closed", state.Questions[0].Why)
		k.send("a", "written by hand")
	})
	k.at(9*time.Hour, func() { k.text("1", "Great") })
	k.last()
	require.Equal(t, []string{"How was it?", "How was it?", "written by hand", "How was it?"}, words(k.sends))
	require.Equal(t, []string{"Feedback answer/q answered Great"}, k.outcomes)
}

// A text in doubt is looked for although the gate has closed meanwhile. What is not
// found waits with the rest, and a late receipt settles it.
func TestADoubtWhileTheGateIsClosed(t *testing.T) {
	t.Parallel()

	for name, found := range map[string]bool{"found": true, "a late receipt": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.closes, k.closed = k.start.Add(time.Second), k.start.Add(8*time.Hour)
			k.answer = func(n int, _ sms.Outbound) error {
				if n == 1 {
					return ambiguous()
				}
				return nil
			}
			k.find = func(sms.Search) (sms.Finding, error) {
				if found {
					return sms.Finding{Accepted: &sms.Accepted{MessageID: "M1", At: k.start}}, nil
				}
				return sms.Finding{Certain: true}, nil
			}
			k.at(0, func() { k.text("1", "one") })
			k.at(2*time.Second, func() { k.send("a", "written by hand") })
			k.at(time.Hour, func() {
				require.Equal(t, []string{"re: one", "written by hand"}, words(k.sends))
				if !found {
					require.Len(t, k.state().Held, 1)
					k.receipt("M1", k.sends[0].Key, sms.StatusDelivered)
				}
			})
			state := k.last()
			require.Equal(t, []string{"re: one", "written by hand"}, words(k.sends), "nothing twice")
			require.Empty(t, state.Held)
			for _, m := range state.Transcript {
				if m.Text == "re: one" {
					require.Equal(t, "M1", m.MessageID)
				}
			}
		})
	}
}

// The conversation itself decides about each try, and waits longer each time.
func TestTriesAreDecidedOneByOne(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	var at []time.Duration
	k.answer = func(_ int, m sms.Outbound) error {
		if m.Text != "hello" {
			return nil
		}
		at = append(at, k.env.Now().Sub(k.start).Round(time.Second))
		if len(at) == 3 {
			return &sms.SendError{Doubt: sms.NotTaken, Code: "HTTP 429", RetryAfter: time.Minute}
		}
		return notTaken()
	}
	k.at(0, func() { k.send("a", "hello") })
	k.at(30*time.Second, func() { require.Empty(t, k.state().Concerns, "a moment's outage is nobody's business") })
	k.at(10*time.Minute, func() {
		require.Equal(t, []time.Duration{0, 2 * time.Second, 6 * time.Second, 66 * time.Second, 82 * time.Second, 114 * time.Second, 178 * time.Second, 306 * time.Second, 562 * time.Second}, at)
		require.Equal(t, wire.CauseCarrierAway, k.state().Concerns[0].Cause)
		k.text("1", "STOP")
	})
	k.last()
	require.Len(t, at, 9, "what waits for its next try does not leave any more")
}
