package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

func TestArchive(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	before := wire.Line{From: "application", Text: "Your order has left.", Time: k.start.Add(-30 * 24 * time.Hour)}
	k.recalled = []activities.Record{{ID: "x", Kind: wire.RecordMessage, Line: &before}}
	k.at(0, func() { k.text("1", "what about the second?") })
	k.at(time.Second, func() { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
	k.at(30*time.Second, func() { require.Empty(t, k.records, "they gather for a while") })
	k.at(10*time.Minute, func() {
		require.Len(t, k.records, 2)
		k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusRead})
	})
	k.at(time.Hour, func() { k.send("a", "bye") }) // no receipt ever comes
	k.run()
	require.Equal(t, []wire.Line{before}, k.turns[0].Transcript)
	var ids []string
	for _, r := range k.records {
		ids = append(ids, r.ID)
	}
	key := k.sends[0].Key
	require.Equal(t, []string{"in:1", key, key, k.sends[1].Key, "default-test-run-id/run0"}, ids)
	kept := k.records[2].Message
	require.Equal(t, sms.StatusRead, kept.Status)
	require.Equal(t, []sms.Status{sms.StatusAccepted, sms.StatusDelivered, sms.StatusRead}, []sms.Status{kept.Steps[0].Status, kept.Steps[1].Status, kept.Steps[2].Status})
}

func TestArchiveIsAway(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	k.settings.IdleAfter = 24 * time.Hour
	k.hook = func() error {
		if k.env.Now().Before(k.start.Add(48 * time.Hour)) {
			return errors.New("no")
		}
		return nil
	}
	k.at(0, func() { k.text("1", "hello") })
	k.at(time.Hour, func() {
		require.Equal(t, []string{"re: hello"}, words(k.sends))
		require.NotEmpty(t, k.state().Concerns)
	})
	state := k.run()
	require.Empty(t, state.Concerns)
	require.Len(t, k.records, 3)
	require.False(t, k.env.Now().Before(k.start.Add(48*time.Hour)))
	require.Less(t, k.timers, 100)
}

func TestArchiveBeforeContinuingAsNew(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	k.at(0, func() { k.text("1", "hello") })
	k.at(time.Second, func() {
		k.env.SetContinueAsNewSuggested(true)
		k.text("2", "bye")
	})
	state := k.continued()
	require.NotEmpty(t, k.records)
	require.Equal(t, wire.RecordConversation, k.records[len(k.records)-1].Kind)
	require.True(t, k.records[len(k.records)-1].Closing.Continues)
	require.Equal(t, 1, state.Run)
}

func TestArchiveIsAwayAndSomethingElseAsksForAttention(t *testing.T) {
	t.Parallel()

	for name, closing := range map[string]bool{"continuing": false, "closing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.settings.Archive, k.settings.IdleAfter = true, 24*time.Hour
			stores := 0
			k.hook = func() error {
				stores++
				if k.env.Now().Before(k.start.Add(72 * time.Hour)) {
					return errors.New("no")
				}
				return nil
			}
			k.answer = func(int, sms.Outbound) error { return &sms.SendError{Doubt: sms.Refused, Code: "BAD"} }
			k.at(0, func() { k.send("a", "hello") })
			if !closing {
				k.at(time.Minute, func() {
					k.env.SetContinueAsNewSuggested(true)
					k.text("1", "is anybody there?")
				})
			}
			k.last()
			require.Less(t, stores, 5*80, "an hour between two series of tries")
			if !closing {
				require.Less(t, k.env.Now().Sub(k.start), time.Hour, "it continues as new although the archive is away")
			}
		})
	}
}

func TestArchiveKeepsWhatIsNeverReported(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	for i := range 300 {
		k.at(time.Duration(i)*5*time.Minute, func() { k.send(fmt.Sprint("m", i), fmt.Sprint("message ", i)) })
	}
	k.run()
	kept := map[string]bool{}
	for _, r := range k.records {
		kept[r.Key] = true
	}
	for _, m := range k.sends {
		require.True(t, kept[m.Key], m.Text)
	}
}

func TestEvictedWhileItIsStored(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	k.settings.TextsPerHour = 0
	k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, nil }
	k.hook = func() error {
		if k.env.Now().Before(k.start.Add(30 * time.Minute)) {
			return errors.New("no")
		}
		return nil
	}
	n := 0
	for i := range 4 {
		k.at(time.Duration(i)*20*time.Second, func() {
			for range 30 {
				n++
				k.text(fmt.Sprint("t", n), "hello")
			}
		})
	}
	k.run()
	kept := map[string]bool{}
	for _, r := range k.records {
		kept[r.MessageID] = true
	}
	for i := range n {
		require.True(t, kept[fmt.Sprint("t", i+1)], i)
	}
}

func TestNewsWhileTheEndIsStored(t *testing.T) {
	t.Parallel()

	play := func(news func(k *talk)) *talk {
		k := newTalk(t)
		k.settings.Archive, k.settings.IdleAfter = true, 24*time.Hour
		k.at(0, func() { k.send("a", "hello") })
		once := false
		k.hook = func() error {
			if !once && k.env.Now().After(k.start.Add(24*time.Hour-time.Minute)) {
				once = true
				news(k)
			}
			return nil
		}
		return k
	}
	t.Run("a receipt", func(t *testing.T) {
		k := play(func(k *talk) { k.report(sms.Receipt{MessageID: "M1", Status: sms.StatusDelivered}) })
		require.Equal(t, sms.StatusDelivered, k.run().Transcript[0].Status)
		var kept *wire.Message
		for _, r := range k.records {
			if r.Kind == wire.RecordMessage {
				kept = r.Message
			}
		}
		require.Equal(t, sms.StatusDelivered, kept.Status, "the last record counts")
	})
	t.Run("an opt-out", func(t *testing.T) {
		k := play(func(k *talk) {
			k.signal(wire.OptOutEvent(wire.Consent{At: k.env.Now(), Source: "form", Words: "no more"}))
		})
		require.NotNil(t, k.continued().OptedOut)
		require.NotNil(t, k.records[len(k.records)-1].Closing.OptedOut)
	})
}

func TestTheStateStaysSmallWhileTheArchiveIsAway(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.settings.Archive = true
	k.settings.ResponderTries = []time.Duration{time.Second}
	k.respond = func(activities.Turn) (wire.Decision, error) { return wire.Decision{}, ambiguous() }
	nasty := strings.Repeat("<>&", 2000)
	for range 20 {
		k.recalled = append(k.recalled, activities.Record{Line: &wire.Line{From: "contact", Text: nasty, Time: k.start.Add(-time.Hour)}})
	}
	asked := false
	k.hook = func() error {
		if !asked { // the archive tells what was said before, and then is away
			asked = true
			return nil
		}
		if k.env.Now().Before(k.start.Add(2 * time.Hour)) {
			return errors.New("no")
		}
		return nil
	}
	biggest := 0
	for i := range 8 { // fewer than make a run continue as new
		k.at(time.Duration(i)*time.Minute, func() {
			for n := range 30 {
				k.text(time.Duration(i*1000+n).String(), nasty)
			}
		})
		k.at(time.Duration(i)*time.Minute+time.Second, func() { biggest = max(biggest, size(t, k.state())) })
	}
	k.last()
	require.Less(t, biggest, 1800<<10, "the server takes two megabytes")
}
