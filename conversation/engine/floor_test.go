package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

// byKim is a text of a person who keeps the floor.
func (k *talk) byKim(id, words string, keep time.Duration) {
	k.signal(wire.SendEvent(id, wire.SendRequest{Text: words, By: "kim", As: wire.ByPerson, Keep: keep}, k.env.Now()))
}

// A person who takes the floor is interrupted by nobody, and gets what the contact writes.
func TestAPersonKeepsTheFloor(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.byKim("a", "Kim here. How can I help?", 15*time.Minute) })
	k.at(time.Minute, func() {
		k.text("1", "My parcel is late")
		k.say("s", "Reminder", "See you tomorrow")
		k.ask("q", "Feedback", "How was it?", time.Hour, time.Time{})
	})
	k.at(2*time.Minute, func() {
		state := k.state()
		require.Equal(t, []string{"Kim here. How can I help?"}, words(k.sends))
		require.Equal(t, "kim", state.Floor.Holder.Name)
		require.Equal(t, wire.CausePerson, state.Concerns[0].Cause)
		k.byKim("b", "It comes at noon.", 0)
	})
	k.at(3*time.Minute, func() { require.Empty(t, k.state().Concerns, "she has answered") })
	k.at(16*time.Minute, func() { k.text("2", "4") })
	state := k.last()
	require.Empty(t, k.turns, "the responder has nothing to answer")
	require.Equal(t, []string{"Kim here. How can I help?", "It comes at noon.", "See you tomorrow", "How was it?"}, words(k.sends))
	require.Contains(t, k.outcomes[0], "q answered 4")
	authors := map[string]wire.Author{}
	for _, m := range state.Transcript {
		authors[m.From] = m.Author
	}
	require.Equal(t, map[string]wire.Author{"kim": wire.ByPerson, "contact": wire.ByContact, "Script": wire.ByScript}, authors)
}

// Who began to think before a person took over is not heard.
func TestWhatWasThoughtBeforeIsRefused(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) {
		k.byKim("a", "Kim here.", time.Minute)
		return wire.Decision{Reply: "I am a machine."}, nil
	}
	k.at(0, func() { k.text("1", "hello?") })
	k.at(10*time.Minute, func() { k.ask("q", "Feedback", "How was it?", time.Hour, time.Time{}) })
	k.at(11*time.Minute, func() { k.text("2", "4") })
	k.at(11*time.Minute+time.Second, func() { k.byKim("b", "Kim again.", time.Minute) })
	k.at(11*time.Minute+2*time.Second, func() {
		var told struct{ Epoch int }
		require.NoError(t, json.Unmarshal(k.answers["answer/q"][0], &told))
		ref := wire.ScriptRef{Type: "Script", WorkflowID: "Feedback", RunID: "Feedback-run"}
		for id, kind := range map[string]wire.Kind{"thanks": wire.KindSay, "more": wire.KindAsk} {
			body, err := json.Marshal(map[string]any{"script": ref, "text": id + "?", "timeout": time.Hour, "epoch": told.Epoch})
			k.signal(wire.Envelope{Schema: 1, ID: id, Kind: kind, Body: body}, err)
		}
		k.say("later", "Reminder", "See you tomorrow") // it heard nothing of the contact
	})
	state := k.last()
	require.Equal(t, []string{"Kim here.", "How was it?", "Kim again.", "See you tomorrow"}, words(k.sends))
	require.Contains(t, k.outcomes, "Feedback answer/more taken over ")
	var dropped []string
	for _, m := range state.Transcript {
		if m.Reason == "a person took over meanwhile" {
			dropped = append(dropped, m.Text)
		}
	}
	require.ElementsMatch(t, []string{"I am a machine.", "thanks?"}, dropped)
}

// A question that waits for the carrier when a person takes over is not asked.
func TestAQuestionIsOvertakenInTheOutbox(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.answer = func(_ int, m sms.Outbound) error {
		if m.Text == "How was it?" {
			return notTaken()
		}
		return nil
	}
	ref := wire.ScriptRef{Type: "Script", WorkflowID: "Feedback", RunID: "Feedback-run"}
	k.at(0, func() {
		body, err := json.Marshal(map[string]any{"script": ref, "text": "How was it?", "timeout": time.Hour, "epoch": 1})
		k.signal(wire.Envelope{Schema: 1, ID: "q", Kind: wire.KindAsk, Body: body}, err)
	})
	k.at(time.Minute, func() { k.byKim("a", "Kim here.", time.Minute) })
	k.last()
	require.Equal(t, []string{"Feedback answer/q taken over "}, k.outcomes)
	require.Contains(t, words(k.sends), "Kim here.")
}

// What is sent once more is as old as the first.
func TestAResendIsOvertaken(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() { k.text("1", "hello?") })
	k.at(time.Second, func() { k.report(failed("M1", sms.Transient)) })
	k.at(2*time.Second, func() { k.byKim("a", "Kim here.", time.Hour) })
	k.last()
	require.Equal(t, []string{"re: hello?", "Kim here."}, words(k.sends))
}

func TestOnlyAPersonKeepsTheFloor(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.at(0, func() {
		for id, r := range map[string]wire.SendRequest{
			"as the contact": {As: wire.ByContact}, "as a script": {As: wire.ByScript}, "a program": {Keep: time.Hour},
			"for ever": {As: wire.ByPerson, Keep: 30 * 24 * time.Hour}, "backwards": {As: wire.ByPerson, Keep: -time.Hour},
		} {
			r.Text, r.By = "hello", "kim"
			k.signal(wire.SendEvent(id, r, k.start))
		}
	})
	k.at(time.Second, func() { require.Len(t, k.state().Skipped, 5) })
	k.last()
	require.Empty(t, k.sends)
}
