package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

// However the deadlines fall, a conversation waits with a handful of timers: a
// deadline that is due and cannot be acted on must not be armed again and again.
func TestNoTimerSpins(t *testing.T) {
	t.Parallel()

	for name, play := range map[string]func(k *talk){
		"a question outlives the idle time": func(k *talk) {
			k.settings.IdleAfter = time.Hour
			k.at(0, func() { k.ask("q", "script", "well?", 3*time.Hour, time.Time{}) })
		},
		"the responder's next try waits for a question on its way": func(k *talk) {
			k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, ambiguous() }
			k.answer = func(int, sms.Outbound) error {
				if k.env.Now().Before(k.start.Add(time.Hour)) {
					return notTaken()
				}
				return nil
			}
			k.at(0, func() { k.text("1", "hello") })
			k.at(time.Second, func() { k.ask("q", "script", "well?", time.Minute, time.Time{}) })
			k.at(2*time.Hour, func() { k.text("2", "STOP") })
		},
		"a message in doubt becomes useless": func(k *talk) {
			k.answer = func(int, sms.Outbound) error { return ambiguous() }
			k.at(0, func() {
				k.signal(wire.SendEvent("a", wire.SendRequest{Text: "a code", UsefulUntil: k.start.Add(10 * time.Second)}, k.start))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.settings.ResponderTries = []time.Duration{time.Second, time.Second}
			play(k)
			k.play(wire.Start{Contact: contact})
			require.Less(t, k.timers, 60)
		})
	}
}

// A reply that is given up makes room for whoever waited.
func TestNothingIsStuckBehindAMessageGivenUp(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(_ int, m sms.Outbound) error {
		if strings.Contains(m.Text, "one") {
			return ambiguous()
		}
		return nil
	}
	k.at(0, func() {
		k.text("1", "one")
		k.text("2", "two")
		k.ask("q", "script", "well?", time.Hour, time.Time{})
	})
	k.at(10*time.Minute, func() {
		require.Contains(t, words(k.sends), "re: two")
		require.Contains(t, words(k.sends), "well?")
	})
	k.last()
}

func TestWithdrawnWhileInDoubt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error { return ambiguous() }
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Second, func() {
		body := `{"script":{"type":"Script","workflow_id":"script","run_id":"script-run"},"ask_id":"q"}`
		k.signal(wire.Envelope{Schema: 1, ID: "w", Kind: wire.KindWithdraw, Body: []byte(body)}, nil)
	})
	state := k.run()
	require.Len(t, k.sends, 1, "nobody wants it sent again")
	require.Equal(t, sms.StatusUnknown, state.Transcript[0].Status, "it may have been taken")
}

func TestNotSentWhenItIsTooLate(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n == 1 {
			return ambiguous()
		}
		return nil
	}
	until := func(d time.Duration) wire.SendRequest {
		return wire.SendRequest{Text: "a code", UsefulUntil: k.start.Add(d)}
	}
	k.at(0, func() {
		k.signal(wire.SendEvent("a", until(20*time.Second), k.start))
		k.signal(wire.SendEvent("b", until(25*time.Second), k.start))
		k.signal(wire.SendEvent("c", until(time.Hour), k.start))
	})
	state := k.run()
	require.Equal(t, sms.StatusUnknown, state.Transcript[0].Status)
	require.Equal(t, sms.StatusExpired, state.Transcript[1].Status)
	require.Equal(t, sms.StatusAccepted, state.Transcript[2].Status)
	require.Len(t, k.sends, 2)
	require.InDelta(t, time.Hour, k.sends[1].TTL, float64(time.Minute), "the carrier does not try longer either")
}

// A text that the server tries again is not handed over when its time has
// passed meanwhile.
func TestNotSentWhenItIsTooLateBetweenTries(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n < 3 {
			return notTaken()
		}
		return nil
	}
	k.at(0, func() {
		k.signal(wire.SendEvent("a", wire.SendRequest{Text: "a code", UsefulUntil: k.start.Add(5 * time.Second)}, k.start))
	})
	state := k.run()
	require.Len(t, k.sends, 2, "at once and after two seconds, but not after four more")
	require.Equal(t, sms.StatusExpired, state.Transcript[0].Status)
}

// What was only looked for was not handed over once more.
func TestALookIsNoAttempt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error { return ambiguous() }
	k.find = func(sms.Search) (sms.Finding, error) {
		// Its delivery fails while it is looked for.
		r := failed("found", sms.Permanent)
		r.Key = k.sends[0].Key
		k.report(r)
		return sms.Finding{Accepted: &sms.Accepted{MessageID: "found", At: k.start}}, nil
	}
	k.at(0, func() { k.send("a", "hello") })
	state := k.run()
	require.Zero(t, state.Transcript[0].Attempts)
	require.Equal(t, sms.StatusFailed, state.Transcript[0].Status)
}

// While a question is in doubt, an answer waits for the outcome.
func TestAnAnswerWaitsForTheDoubt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error { return ambiguous() }
	k.find = func(sms.Search) (sms.Finding, error) {
		if k.env.Now().Before(k.start.Add(10 * time.Minute)) {
			return sms.Finding{}, notTaken()
		}
		return sms.Finding{Accepted: &sms.Accepted{MessageID: "found", At: k.start}}, nil
	}
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(5*time.Minute, func() { k.text("1", "yes") })
	k.run()
	require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
	require.Empty(t, k.turns)
}

func TestAReceiptOfAnEarlierAttempt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n == 1 {
			return ambiguous()
		}
		if n == 2 {
			k.receipt("M1", strings.TrimSuffix(k.sends[0].Key, ".2"), sms.StatusFailed) // while the second is under way
		}
		return nil
	}
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(10*time.Minute, func() { k.text("1", "yes") })
	k.run()
	require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
}

func TestTheLastWordAboutConsentCounts(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	say := func(id, text string, accepted time.Duration) {
		k.signal(wire.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: text, AcceptedAt: k.start.Add(accepted)}, k.start))
	}
	k.at(0, func() { say("1", "STOP", time.Second) })
	k.at(time.Minute, func() { say("3", "STOP", 30*time.Second) })
	k.at(2*time.Minute, func() { say("2", "START", 20*time.Second) }) // overtaken by the second STOP
	k.at(3*time.Minute, func() { require.NotNil(t, k.state().OptedOut) })
	k.at(4*time.Minute, func() { say("4", "START", 4*time.Minute) })
	k.at(5*time.Minute, func() { say("0", "STOP", 3*time.Minute) }) // it was on its way for long
	require.Nil(t, k.run().OptedOut)
}

func TestAReplyIsVoidAfterStop(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) {
		for i, word := range []string{"STOP", "START"} { // both before the decision
			k.signal(wire.InboundEvent(sms.Inbound{ID: word, From: contact, Kind: sms.KindText, Text: word, AcceptedAt: k.start.Add(time.Duration(i+1) * time.Second)}, k.start))
		}
		return wire.Decision{Reply: "too late"}, nil
	}
	k.at(0, func() { k.text("1", "hello") })
	k.run()
	require.NotContains(t, words(k.sends), "too late")
}

func TestHelpIsBounded(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		for i := range 50 {
			k.text("help-"+string(rune('a'+i)), "INFO")
		}
	})
	k.run()
	require.Len(t, k.sends, 30)

	k = newTalk(t)
	k.settings.HelpReply = ""
	k.at(0, func() { k.text("1", "help") })
	k.run()
	require.Empty(t, k.sends, "the network answers itself")
}

func TestMalformedScriptsAreSkipped(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		for id, body := range map[string]string{
			"a": `{"text":"q?"}`,
			"b": `{"script":{"type":"S","workflow_id":"` + strings.Repeat("x", 2000) + `"},"text":"q?"}`,
			"c": `{"script":{"type":"S","workflow_id":"x"},"text":"q?","in_doubt":"maybe"}`,
		} {
			k.signal(wire.Envelope{Schema: 1, ID: id, Kind: wire.KindAsk, Body: []byte(body)}, nil)
		}
		k.signal(wire.Envelope{Schema: 1, ID: strings.Repeat("x", 2000), Kind: wire.KindAsk, Body: []byte(`{}`)}, nil)
	})
	state := k.run()
	require.Empty(t, k.sends)
	require.Len(t, state.Skipped, 4)
}

// A parked turn keeps asking for attention although the carrier recovers.
func TestAttentionOfAPersonStays(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, ambiguous() }
	k.settings.ResponderTries = nil
	k.answer = func(int, sms.Outbound) error {
		if k.env.Now().Before(k.start.Add(20 * time.Minute)) {
			return notTaken()
		}
		return nil
	}
	k.at(0, func() { k.text("1", "hello") })
	k.at(time.Second, func() { k.send("a", "hello") })
	state := k.continued()
	require.Equal(t, sms.StatusAccepted, state.Transcript[1].Status)
	require.NotEmpty(t, state.Concerns)
	require.Len(t, state.Parked, 1)
}

// Each cause has a concern of its own: mending one hides no other.
func TestConcernsAreKeptByCause(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	fates := []error{&sms.SendError{Doubt: sms.Refused, Code: "INVALID_ARGUMENT"}, denied()}
	k.answer = func(n int, _ sms.Outbound) error {
		if n <= len(fates) {
			return fates[n-1]
		}
		return nil
	}
	causes := func() (causes []wire.Cause) {
		for _, c := range k.state().Concerns {
			causes = append(causes, c.Cause)
		}
		return causes
	}
	k.at(0, func() { k.send("a", "refused") })
	k.at(time.Minute, func() { k.send("b", "denied") })
	k.at(2*time.Minute, func() {
		require.Equal(t, []wire.Cause{wire.CauseRefused, wire.CauseParked}, causes())
		require.Equal(t, k.start.UTC(), k.state().Attention().At.UTC(), "since the first")
		k.retry("again", wire.Mend{})
	})
	k.at(3*time.Minute, func() {
		require.Equal(t, []wire.Cause{wire.CauseRefused}, causes(), "nothing is parked any more")
		k.skip("seen", wire.Mend{})
	})
	state := k.run()
	require.Empty(t, state.Concerns, "a person has dealt with it")
}

// A flood does not make the state too large for the server.
func TestTheStateStaysSmall(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.ResponderTries = []time.Duration{time.Second}
	k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, ambiguous() }
	for i := range 8 { // fewer than make a run continue as new
		k.at(time.Duration(i)*time.Minute, func() {
			for n := range 30 {
				k.text(time.Duration(i*1000+n).String(), strings.Repeat("<>&", 2000))
			}
		})
	}
	k.at(time.Hour, func() { k.env.SetContinueAsNewSuggested(true); k.text("last", "STOP") })
	state := k.continued()
	raw := size(t, state)
	require.Less(t, raw, 1800<<10, "the server takes two megabytes")
	require.NotNil(t, state.OptedOut, "STOP is heard in a flood")
}

func size(t *testing.T, state wire.State) int {
	t.Helper()
	raw, err := json.Marshal(state)
	require.NoError(t, err)
	return len(raw)
}
