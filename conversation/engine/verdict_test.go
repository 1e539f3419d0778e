package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
	"parley/understand"
)

// TestVerdict: what a text means is decided by who brings it, and obeyed. Only a
// verdict that is missing, or of a newer build, leaves it to the frozen words.
func TestVerdict(t *testing.T) {
	t.Parallel()
	said := func(consent sms.Meaning) *sms.Verdict {
		return &sms.Verdict{Consent: consent, Kind: sms.TextWords, Version: 99}
	}
	tests := []struct {
		name    string
		kind    sms.Kind
		text    string
		verdict *sms.Verdict
		out     bool
	}{
		{"stop, in words that the engine does not know", sms.KindText, "¡ALTO!", said(sms.MeansStop), true},
		{"none, although the engine knows the word", sms.KindText, "STOP", said(sms.MeansNone), false},
		{"start, although it says STOP", sms.KindText, "STOP", said(sms.MeansStart), false},
		{"missing", sms.KindText, "STOP", nil, true},
		{"missing, and no such word", sms.KindText, "¡ALTO!", nil, false},
		{"empty", sms.KindText, "STOP", &sms.Verdict{}, true},
		{"of a newer build", sms.KindText, "STOP", said("later"), true},
		{"of a newer build, and no such word", sms.KindText, "¡ALTO!", said("later"), false},
		{"a doubt", sms.KindText, "STOP", said(sms.MeansDoubt), true},
		{"a doubt, and no such word", sms.KindText, "no more of this", said(sms.MeansDoubt), false},
		{"on a picture", sms.KindMedia, "STOP", said(sms.MeansStop), false},
		{"on no kind", "", "STOP", said(sms.MeansStop), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newTalk(t)
			k.at(0, func() {
				k.signal(wire.InboundEvent(sms.Inbound{ID: "1", From: contact, Kind: tt.kind, Text: tt.text, AcceptedAt: k.env.Now(), Verdict: tt.verdict}, k.env.Now()))
			})
			k.at(time.Minute, func() {
				state := k.state()
				require.Equal(t, tt.out, state.OptedOut != nil)
				require.Empty(t, state.Skipped)
				k.text("2", "START")
			})
			k.run()
			require.Equal(t, tt.out, words(k.sends)[0] == k.settings.OptOutReply)
			require.Equal(t, !tt.out, len(k.turns) > 0, "any other text is answered")
		})
	}
}

// TestVerdictOfStartAndHelp: all of a verdict's words are obeyed.
func TestVerdictOfStartAndHelp(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	bring := func(text string, consent sms.Meaning) {
		k.signal(wire.InboundEvent(sms.Inbound{
			ID: text, From: contact, Kind: sms.KindText, Text: text, AcceptedAt: k.env.Now(), Verdict: &sms.Verdict{Consent: consent},
		}, k.env.Now()))
	}
	k.at(0, func() { bring("ayuda", sms.MeansHelp) })
	k.at(time.Minute, func() { bring("alto", sms.MeansStop) })
	k.at(2*time.Minute, func() { bring("alta", sms.MeansStart) })
	k.run()
	require.Equal(t, []string{k.settings.HelpReply, k.settings.OptOutReply, k.settings.OptInReply}, words(k.sends))
	require.Empty(t, k.turns)
}

// TestFrozenWords: the words of the first release act for ever, on a text that
// comes without a verdict. This table is never changed. Whoever classifies knows
// them too, so that they survive in a history that is made anonymous.
func TestFrozenWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		does  sms.Meaning
		words []string
	}{
		{sms.MeansStop, []string{"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out", "opt-out"}},
		{sms.MeansStart, []string{"start", "unstop"}},
		{sms.MeansHelp, []string{"help", "info"}},
	} {
		for _, word := range tt.words {
			require.True(t, understand.IsKeyword(word), word)
			k := newTalk(t)
			k.at(0, func() {
				if tt.does == sms.MeansStart {
					k.text("0", "STOP")
				} else {
					k.text("0", "Hello")
				}
			})
			k.at(time.Minute, func() { k.text("1", "“"+strings.ToUpper(word)+"!” ") })
			k.at(2*time.Minute, func() {
				require.Equal(t, tt.does == sms.MeansStop, k.state().OptedOut != nil, word)
				if tt.does == sms.MeansStop {
					k.text("2", "START") // else it would not close
				}
			})
			k.run()
			replies := map[sms.Meaning]string{sms.MeansStop: k.settings.OptOutReply, sms.MeansStart: k.settings.OptInReply, sms.MeansHelp: k.settings.HelpReply}
			require.Contains(t, words(k.sends), replies[tt.does], word)
		}
	}
}

// TestVerdictIsNotKept: a state does not grow by what somebody put into a verdict.
func TestVerdictIsNotKept(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.at(0, func() { k.ask("q", "script", "well?", time.Hour, time.Time{}) })
	k.answer = func(int, sms.Outbound) error { // while a question is on its way, the responder waits
		k.signal(wire.InboundEvent(sms.Inbound{ID: "1", From: contact, Kind: sms.KindText, Text: "yes", Verdict: &sms.Verdict{Consent: sms.Meaning(strings.Repeat("x", 10_000))}}, k.start))
		return notTaken()
	}
	k.at(time.Minute, func() {
		state := k.state()
		require.NotEmpty(t, state.Backlog)
		raw, err := json.Marshal(state)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "xxxx")
	})
	k.last()
}
