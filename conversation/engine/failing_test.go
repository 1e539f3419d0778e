package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

func denied() error { return &sms.SendError{Doubt: sms.Denied, Code: "PERMISSION_DENIED"} }

func unreachable() error {
	return temporal.NewApplicationError("it answered HTTP 503", activities.ErrTypeUnreachable)
}

// report brings a receipt with everything in it.
func (k *talk) report(r sms.Receipt) {
	r.At, r.AcceptedAt = k.env.Now(), k.env.Now()
	k.signal(wire.ReceiptEvent(r, k.env.Now()))
}

func failed(id string, class sms.Class) sms.Receipt {
	return sms.Receipt{MessageID: id, Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", Class: class}
}

func (k *talk) retry(id string, m wire.Mend) {
	k.signal(wire.RetryEvent(id, m, k.env.Now()))
}

func (k *talk) skip(id string, m wire.Mend) {
	k.signal(wire.SkipEvent(id, m, k.env.Now()))
}

func (k *talk) watch(id, sayID string, until time.Time) {
	body, err := json.Marshal(map[string]any{
		"script": wire.ScriptRef{Type: "Script", WorkflowID: "script", RunID: "script-run"}, "say_id": sayID, "until": until,
	})
	k.signal(wire.Envelope{Schema: 1, ID: id, Kind: wire.KindWatch, Body: body}, err)
}

// Minutes without a responder park nothing; an hour does.
func TestResponderIsAway(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		away   time.Duration
		parked int
	}{
		"for five minutes":    {5 * time.Minute, 0},
		"for fifty minutes":   {50 * time.Minute, 0},
		"for more than hours": {4 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.tells(wire.HookNotify)
			k.respond = func(turn activities.Turn) (wire.Decision, error) {
				if k.env.Now().Before(k.start.Add(test.away)) {
					return wire.Decision{}, unreachable()
				}
				return wire.Decision{Reply: "re: " + turn.Text}, nil
			}
			k.at(0, func() { k.text("1", "one") })
			k.at(time.Minute, func() { k.text("2", "two") })
			state := k.last()
			require.Len(t, state.Parked, test.parked)
			require.Less(t, len(k.turns), 30, "patience is no hurry")
			if test.parked == 0 {
				require.Equal(t, []string{"re: one\ntwo"}, words(k.sends))
				require.Empty(t, k.notices)
				require.Empty(t, state.Concerns)
				return
			}
			require.Equal(t, wire.ParkedUnreachable, state.Parked[0].Code)
			require.Equal(t, "conversation:"+string(contact), k.notices[0].Conversation)
			require.Equal(t, state.Parked[0].ID, k.notices[0].ID)
			require.Len(t, k.notices, 1)
		})
	}
}

func TestParkedTurnIsTriedAgainOrSkipped(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	away := true
	k.respond = func(turn activities.Turn) (wire.Decision, error) {
		if away {
			return wire.Decision{}, temporal.NewApplicationError("no", activities.ErrTypeBadAnswer)
		}
		return wire.Decision{Reply: "re: " + turn.Text}, nil
	}
	k.at(0, func() { k.text("1", "one") })
	k.at(time.Hour, func() { k.text("2", "two") })
	k.at(2*time.Hour, func() {
		require.Len(t, k.state().Parked, 2)
		away = false
		k.retry("wrong", wire.Mend{Codes: []wire.ParkCode{wire.ParkedDenied}})
		k.retry("right", wire.Mend{IDs: []string{k.state().Parked[0].ID}, By: "kim"})
	})
	k.at(3*time.Hour, func() {
		require.Equal(t, []string{"re: one"}, words(k.sends))
		state := k.state()
		require.Len(t, state.Parked, 1)
		require.NotEmpty(t, state.Concerns)
		k.retry("right", wire.Mend{}) // the same word again
		k.skip("enough", wire.Mend{By: "kim", Why: "called them"})
	})
	state := k.run() // nothing keeps it open any more
	require.Equal(t, []string{"re: one"}, words(k.sends))
	require.Empty(t, state.Concerns)
	require.Equal(t, []bool{true, false}, []bool{state.Mended[0].Retried, state.Mended[1].Retried})
	require.Equal(t, "called them", state.Mended[1].Why)
}

func TestDeniedByTheCarrier(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n <= 2 {
			return denied()
		}
		return nil
	}
	k.at(0, func() {
		k.send("a", "your order")
		k.ask("q", "script", "well?", time.Hour, time.Time{})
	})
	k.at(time.Minute, func() {
		state := k.state()
		require.Equal(t, wire.ParkedDenied, state.Parked[0].Code)
		require.Len(t, state.Parked, 1, "nobody waits for an answer to the question any more")
		require.Equal(t, []string{"script answer/q undeliverable PERMISSION_DENIED"}, k.outcomes)
		k.retry("r", wire.Mend{})
	})
	state := k.run()
	require.Equal(t, []string{"your order", "well?", "your order"}, words(k.sends))
	require.NotEqual(t, k.sends[0].Key, k.sends[2].Key)
	require.Equal(t, k.sends[0].Key, state.Transcript[2].ResendOf)
}

func TestWhatIsSkippedGoesToTheFallback(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.answer = func(int, sms.Outbound) error { return denied() }
	k.at(0, func() { k.send("a", "your order") })
	k.at(time.Hour, func() {
		require.Empty(t, k.handed, "it may be sent yet")
		k.skip("s", wire.Mend{Why: "the account is closed"})
	})
	state := k.run()
	require.Len(t, k.handed, 1)
	require.Equal(t, "handed over", state.Transcript[0].Fallback)
}

func TestParkedMessageIsSettledByALateReceipt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(int, sms.Outbound) error { return ambiguous() }
	k.at(0, func() { k.send("a", "hello") })
	k.at(time.Hour, func() {
		require.Len(t, k.state().Parked, 1)
		k.report(sms.Receipt{MessageID: "M9", Key: k.sends[0].Key, Status: sms.StatusDelivered})
	})
	state := k.run()
	require.Equal(t, sms.StatusDelivered, state.Transcript[0].Status)
	require.Empty(t, state.Concerns)
}

// Whether a text that did not arrive is sent again depends on why, on what it

// is for, and on what is heard meanwhile.
func TestNotDelivered(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		request wire.SendRequest
		play    func(k *talk)
		sends   int
		handed  int
		status  sms.Status // of the first
	}{
		"permanent": {
			play:  func(k *talk) { k.report(failed("M1", sms.Permanent)) },
			sends: 1, handed: 1, status: sms.StatusFailed,
		},
		"for a reason that nobody knows": {
			play:  func(k *talk) { k.report(failed("M1", "")) },
			sends: 1, handed: 1, status: sms.StatusFailed,
		},
		"transient, and then it arrives": {
			play: func(k *talk) {
				k.report(failed("M1", sms.Transient))
				k.at(2*time.Minute, func() { k.report(sms.Receipt{MessageID: "M2", Status: sms.StatusDelivered}) })
			},
			sends: 2, status: sms.StatusFailed,
		},
		"transient, each time": {
			play: func(k *talk) {
				for i, id := range []string{"M1", "M2", "M3", "M4"} {
					k.at(time.Duration(i)*30*time.Minute+time.Second, func() { k.report(failed(id, sms.Transient)) })
				}
			},
			sends: 4, handed: 1, status: sms.StatusFailed,
		},
		"transient, but late news are better": {
			play: func(k *talk) {
				k.report(failed("M1", sms.Transient))
				k.at(30*time.Second, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
			},
			sends: 1, status: sms.StatusDelivered,
		},
		"transient, and soon useless": {
			request: wire.SendRequest{UsefulUntil: time.Date(2026, time.March, 2, 9, 0, 50, 0, time.UTC)},
			play:    func(k *talk) { k.report(failed("M1", sms.Transient)) },
			sends:   1, handed: 1, status: sms.StatusFailed,
		},
		"transient, and not to be sent twice": {
			request: wire.SendRequest{InDoubt: wire.Park},
			play:    func(k *talk) { k.report(failed("M1", sms.Transient)) },
			sends:   1, handed: 1, status: sms.StatusFailed,
		},
		"transient, and then STOP": {
			play: func(k *talk) {
				k.report(failed("M1", sms.Transient))
				k.at(10*time.Second, func() { k.text("s", "STOP") })
			},
			sends: 2, status: sms.StatusFailed, // the second is the confirmation
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.tells(wire.HookFallback)
			test.request.Text = "your order"
			test.request.Reference = "order-7"
			k.at(0, func() { k.signal(wire.SendEvent("a", test.request, k.start)) })
			k.at(time.Second, func() { test.play(k) })
			state := k.last()
			require.Len(t, k.sends, test.sends, words(k.sends))
			require.Equal(t, test.status, state.Transcript[0].Status)
			require.Len(t, k.handed, test.handed)
			require.Empty(t, state.Held)
			for _, m := range k.sends {
				require.Contains(t, []string{"order-7", ""}, m.Reference)
			}
			if test.handed > 0 {
				last := state.Transcript[len(state.Transcript)-1]
				require.Equal(t, "handed over", last.Fallback)
				require.Equal(t, wire.Undelivered{
					Key: last.Key, Contact: contact, From: "application", Text: "your order", Reference: "order-7",
					Reason: "RECIPIENT_NOT_REACHABLE", At: last.StatusAt,
				}, k.handed[0])
			}
		})
	}
}

// A question that did not arrive is nothing a text could answer, until it is

// asked once more.
func TestQuestionIsAskedOnceMore(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(10*time.Second, func() { k.text("1", "is anybody there?") })
	k.at(20*time.Second, func() {
		require.Equal(t, []string{"well?", "re: is anybody there?"}, words(k.sends), "nobody is kept waiting")
	})
	k.at(2*time.Minute, func() { k.text("2", "yes") })
	state := k.run()
	require.Equal(t, []string{"well?", "re: is anybody there?", "well?"}, words(k.sends))
	require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
	require.Equal(t, state.Transcript[0].Key, state.Transcript[3].ResendOf)
}

func TestQuestionThatArrivedAfterAllIsOpenAgain(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(10*time.Second, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
	k.at(20*time.Second, func() { k.text("1", "yes") })
	k.run()
	require.Equal(t, []string{"well?"}, words(k.sends))
	require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
}

func TestQuestionThatFailsForGoodAfterItWasResent(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(5*time.Minute, func() { k.report(failed("M2", sms.Permanent)) })
	k.run()
	require.Equal(t, []string{"script answer/q undeliverable RECIPIENT_NOT_REACHABLE"}, k.outcomes)
}

// What a script is told about a text that it watches.
func TestWatch(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		play func(k *talk)
		want string
	}{
		"delivered": {
			func(k *talk) { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) },
			"reported delivered",
		},
		"failed": {
			func(k *talk) { k.report(failed("M1", sms.Permanent)) },
			"reported RECIPIENT_NOT_REACHABLEnot delivered",
		},
		"no word from the carrier": {func(*talk) {}, "reported unknown"},
		"sent once more": {
			func(k *talk) {
				k.report(failed("M1", sms.Transient))
				k.at(5*time.Minute, func() { k.report(sms.Receipt{MessageID: "M2", Status: sms.StatusDelivered}) })
			},
			"reported delivered",
		},
		"STOP before it left": {
			func(k *talk) { k.text("s", "STOP") },
			"reported unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.at(0, func() { k.say("s/1", "script", "here you are") })
			k.at(time.Second, func() { k.watch("s/2", "s/1", k.start.Add(time.Hour)) })
			k.at(2*time.Second, func() { test.play(k) })
			k.last()
			require.Equal(t, []string{"script answer/s/2 " + test.want}, k.outcomes)
		})
	}
}

func TestWatchWhatWasNotSent(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.text("s", "STOP") })
	k.at(time.Minute, func() {
		k.say("s/1", "script", "here you are")
		k.watch("s/2", "s/1", k.start.Add(time.Hour))
		k.watch("s/4", "s/3", k.start.Add(time.Hour)) // of a life before
	})
	state := k.last()
	require.Equal(t, []string{"script answer/s/2 reported the contact opted outnot delivered", "script answer/s/4 reported unknown"}, k.outcomes)
	require.Equal(t, sms.StatusDropped, state.Transcript[2].Status)
}

func TestFallbackAndNoticesOutlastTheirServices(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		away     time.Duration
		fallback string
	}{
		"for hours":  {3 * time.Hour, "handed over"},
		"for a week": {7 * 24 * time.Hour, "not handed over: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.tells(wire.HookNotify, wire.HookFallback)
			k.hook = func() error {
				if k.env.Now().Before(k.start.Add(test.away)) {
					return errors.New("no")
				}
				return nil
			}
			k.answer = func(n int, _ sms.Outbound) error {
				if n == 2 {
					return denied()
				}
				return nil
			}
			k.at(0, func() { k.send("a", "one") })
			k.at(time.Second, func() { k.report(failed("M1", sms.Permanent)) })
			k.at(2*time.Second, func() { k.send("b", "two") })
			state := k.last()
			require.Equal(t, test.fallback, state.Transcript[0].Fallback)
			require.Empty(t, state.Errands)
			require.Equal(t, test.fallback == "handed over", len(k.notices) == 1)
			require.Less(t, k.timers, 600)
		})
	}
}

func TestScriptsAreBoundedToo(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.TextsPerHour = 3
	for i := range 4 {
		k.at(time.Duration(i)*time.Second, func() { k.say(strconv.Itoa(i), "script", "hello") })
	}
	k.at(time.Minute, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(2*time.Minute, func() { k.send("a", "written by hand") })
	state := k.run()
	require.Equal(t, []string{"hello", "hello", "hello", "written by hand"}, words(k.sends))
	require.Len(t, k.outcomes, 1)
	require.Contains(t, k.outcomes[0], "undeliverable more than 3 automatic texts")
	require.NotEmpty(t, state.Concerns)
}

func TestConsentFromElsewhere(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	said := func(at time.Time) {
		k.signal(wire.OptOutEvent(wire.Consent{At: at, Source: "form", Words: "no more"}))
	}
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Minute, func() { said(k.start.Add(30 * time.Second)) })
	k.at(2*time.Minute, func() {
		require.Equal(t, []string{"well?"}, words(k.sends), "not confirmed by a text")
		require.Equal(t, []string{"script answer/q opted out no more"}, k.outcomes)
		require.Equal(t, "form", k.state().OptedOut.Source)
		k.text("1", "START")
	})
	k.at(3*time.Minute, func() { said(k.start.Add(30 * time.Second)) })
	k.at(4*time.Minute, func() { said(k.start.Add(10 * time.Second)) }) // older than the START
	k.at(5*time.Minute, func() { require.Nil(t, k.state().OptedOut) })
	k.at(6*time.Minute, func() { said(k.start.Add(5 * time.Minute)) })
	state := k.continued()
	require.NotNil(t, state.OptedOut)
}

// Nothing is forgotten because an archive is away, and nobody waits for it.
func TestLateNewsTakeBackTheWholeChain(t *testing.T) {
	t.Parallel()

	t.Run("the third waits", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.at(0, func() { k.ask("q", "script", "well?", 4*time.Hour, time.Time{}) })
		k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
		k.at(2*time.Minute, func() { k.report(failed("M2", sms.Transient)) })
		k.at(3*time.Minute, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
		k.at(4*time.Minute, func() { k.text("1", "yes") })
		k.run()
		require.Equal(t, []string{"well?", "well?"}, words(k.sends))
		require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
	})
	t.Run("the second is in the outbox", func(t *testing.T) {
		t.Parallel()

		k := newTalk(t)
		k.answer = func(n int, _ sms.Outbound) error {
			if n > 1 && k.env.Now().Before(k.start.Add(15*time.Minute)) {
				return notTaken()
			}
			return nil
		}
		sent := 0
		k.at(0, func() { k.ask("q", "script", "well?", 4*time.Hour, time.Time{}) })
		k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
		k.at(10*time.Minute, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
		k.at(10*time.Minute+30*time.Second, func() { sent = len(k.sends); k.text("1", "yes") })
		k.run()
		require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
		require.LessOrEqual(t, len(k.sends), sent, "it arrived: not sent again")
	})
}

func TestParkedUnderAnotherCodeIsSettledToo(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		switch n {
		case 1:
			return ambiguous()
		case 2:
			return denied()
		}
		return nil
	}
	k.at(0, func() { k.send("a", "hello") })
	k.at(time.Hour, func() {
		require.Equal(t, wire.ParkedDenied, k.state().Parked[0].Code)
		require.Equal(t, sms.StatusUnknown, k.state().Transcript[0].Status)
		k.report(sms.Receipt{MessageID: "M9", Key: k.sends[0].Key, Status: sms.StatusDelivered})
	})
	k.at(2*time.Hour, func() { k.retry("r", wire.Mend{}) })
	state := k.last()
	require.Equal(t, sms.StatusDelivered, state.Transcript[0].Status)
	require.Len(t, k.sends, 2, "it has arrived: there is nothing to try again")
}

func TestFallbackOfWhatLeftTheTranscript(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.hook = func() error {
		if k.env.Now().Before(k.start.Add(2 * time.Hour)) {
			return errors.New("no")
		}
		return nil
	}
	k.at(0, func() { k.send("a", "your order") })
	k.at(time.Second, func() { k.report(failed("M1", sms.Permanent)) })
	for i := range 101 {
		k.at(time.Minute+time.Duration(i)*10*time.Second, func() { k.send(fmt.Sprint("m", i), "and more") })
	}
	k.run()
	require.Len(t, k.handed, 1)
}

func TestConsentOlderThanAStart(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.text("0", "hello") })
	k.at(time.Hour, func() { k.text("1", "START") })
	k.at(2*time.Hour, func() {
		k.signal(wire.OptOutEvent(wire.Consent{At: k.start, Source: "form", Words: "no more"}))
	})
	require.Nil(t, k.last().OptedOut)
}

func TestWhatIsEvictedFromTheParkedGoesToTheFallback(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.settings.TextsPerHour = 1
	k.answer = func(n int, _ sms.Outbound) error {
		if n == 1 {
			return denied()
		}
		return nil
	}
	k.at(0, func() { k.send("a", "your order") })
	for i := range 60 {
		k.at(time.Minute+time.Duration(i)*10*time.Second, func() { k.text(fmt.Sprint("t", i), "I am away") })
	}
	k.at(time.Hour, func() {
		for _, p := range k.state().Parked {
			require.Nil(t, p.Message)
		}
	})
	k.at(2*time.Hour, func() { k.skip("s", wire.Mend{}) })
	k.last()
	require.Len(t, k.handed, 1, "it was neither sent nor handed over")
}

func TestSkippedAfterItLeftTheTranscript(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.answer = func(n int, _ sms.Outbound) error {
		if n == 1 {
			return denied()
		}
		return nil
	}
	k.at(0, func() { k.send("a", "your order") })
	for i := range 101 {
		k.at(time.Minute+time.Duration(i)*10*time.Second, func() { k.send(fmt.Sprint("m", i), "and more") })
	}
	k.at(time.Hour, func() { k.skip("s", wire.Mend{}) })
	k.last()
	require.Len(t, k.handed, 1)
}

func TestWhatStopTookBackIsNotResent(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		if n == 1 {
			return ambiguous()
		}
		return nil
	}
	k.at(0, func() { k.send("a", "old news") })
	k.at(5*time.Second, func() { k.text("s", "STOP") })
	k.at(10*time.Second, func() { k.text("u", "START") })
	k.at(15*time.Second, func() { r := failed("M9", sms.Transient); r.Key = k.sends[0].Key; k.report(r) })
	k.last()
	require.NotContains(t, words(k.sends[1:]), "old news", words(k.sends))
}

func TestEndingsAreSmall(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.settings.TextsPerHour = 1000
	nasty := strings.Repeat("<>&", 700)
	for i := range 50 {
		k.at(time.Duration(i)*time.Minute, func() { k.ask(fmt.Sprint("q", i), fmt.Sprint("s", i), "well?", time.Hour, time.Time{}) })
		k.at(time.Duration(i)*time.Minute+10*time.Second, func() { k.text(fmt.Sprint("a", i), nasty) })
	}
	k.at(10*time.Hour, func() {
		s := k.state()
		all := size(t, s)
		s.Outcomes = nil
		require.Less(t, all-size(t, s), 200<<10)
	})
	k.run()
}

func TestAnAnsweredQuestionIsNotHandedOver(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Minute, func() { k.text("1", "yes") })
	k.at(2*time.Minute, func() { k.report(failed("M1", sms.Transient)) })
	k.run()
	require.Empty(t, k.handed, "the contact has read it")
}

func TestStopOfTheSameMomentCounts(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	say := func(id, words string) {
		k.signal(wire.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: words}, k.env.Now()))
	}
	k.at(0, func() {
		say("1", "START")
		say("2", "STOP")
	})
	require.NotNil(t, k.last().OptedOut)
}

func TestSettledInBackOff(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(n int, _ sms.Outbound) error {
		switch {
		case n == 1:
			return ambiguous()
		case k.env.Now().Before(k.start.Add(50 * time.Second)):
			return notTaken()
		}
		return nil
	}
	sent := 0
	k.at(0, func() { k.send("a", "hello") })
	k.at(35*time.Second, func() {
		sent = len(k.sends)
		k.report(sms.Receipt{MessageID: "M9", Key: "default-test-run-id-1", Status: sms.StatusDelivered})
	})
	state := k.run()
	require.Equal(t, sms.StatusDelivered, state.Transcript[0].Status)
	require.Len(t, k.sends, sent, "it has arrived")
}

func TestARetriedTurnWaitsForTheFloorNotForEver(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	away := true
	k.respond = func(turn activities.Turn) (wire.Decision, error) {
		if away {
			return wire.Decision{}, temporal.NewApplicationError("no", activities.ErrTypeBadAnswer)
		}
		return wire.Decision{Reply: "re: " + turn.Text}, nil
	}
	k.at(0, func() { k.text("1", "one") })
	k.at(time.Hour, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(time.Hour+time.Minute, func() { k.text("2", "yes") })
	k.at(time.Hour+2*time.Minute, func() {
		away = false
		k.retry("r", wire.Mend{})
	})
	k.run()
	require.Equal(t, []string{"well?", "re: one"}, words(k.sends))
}

func TestTheSecondFailsAfterTheFirstArrived(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.tells(wire.HookFallback)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(2*time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(5*time.Minute, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
	k.at(6*time.Minute, func() { k.report(failed("M2", sms.Transient)) })
	k.at(8*time.Minute, func() { k.text("1", "yes") })
	k.last()
	require.Equal(t, []string{"well?", "well?"}, words(k.sends))
	require.Equal(t, []string{"script answer/q answered yes"}, k.outcomes)
	require.Empty(t, k.handed)
}

func TestWatchOfAFirstThatArrivedLate(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.at(0, func() { k.say("s/1", "script", "here you are") })
	k.at(time.Second, func() { k.watch("s/2", "s/1", k.start.Add(time.Hour)) })
	k.at(2*time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(5*time.Minute, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
	k.last()
	require.Equal(t, []string{"script answer/s/2 reported delivered"}, k.outcomes)
}

func TestNoReplyToAFirstThatArrivedLate(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.at(2*time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(5*time.Minute, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
	k.last()
	require.Equal(t, []string{"script answer/q no reply delivered"}, k.outcomes)
}

func TestLooksThatEndInDoubt(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(_ int, m sms.Outbound) error {
		if m.Text == "hello" {
			return ambiguous()
		}
		return nil
	}
	looks := 0
	k.find = func(sms.Search) (sms.Finding, error) {
		looks++
		return sms.Finding{}, ambiguous()
	}
	k.at(0, func() { k.send("a", "hello") })
	k.at(time.Second, func() { k.send("b", "more") })
	k.at(time.Hour, func() { require.Contains(t, words(k.sends), "more", "it waits behind the doubt") })
	k.last()
	require.LessOrEqual(t, looks, 5)
}
