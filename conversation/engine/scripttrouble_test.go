package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

func (k *talk) trouble(what, script string, t wire.Trouble) {
	t.Script = wire.ScriptRef{Type: "Visit", WorkflowID: script, RunID: script + "-run"}
	k.signal(wire.TroubleEvent(script+"-run", what, t, k.env.Now()))
}

// Each script that cannot go on is a concern of its own, however often it is told,
// until it can go on or a person has looked.
func TestScriptsInTrouble(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	reasons := func() (reasons []string) {
		for _, c := range k.state().Concerns {
			require.Equal(t, wire.CauseTrouble, c.Cause)
			reasons = append(reasons, c.Of+": "+c.Reason)
		}
		return reasons
	}
	k.at(0, func() {
		k.trouble("failed", "a", wire.Trouble{Reason: "failed: no such shop\n\u2028as +15559876543", Over: true})
		k.trouble("12", "b", wire.Trouble{Reason: "stands still: " + strings.Repeat("x", 500)})
		k.trouble("failed", "a", wire.Trouble{Reason: "failed: told once more", Over: true})
		k.trouble("12", "", wire.Trouble{Reason: "of no script"})
	})
	k.at(time.Minute, func() {
		found := reasons()
		require.Equal(t, "a: Visit failed: no such shop as +1•••543", found[0])
		require.Len(t, found, 2)
		require.Less(t, len(found[1]), 210)
		require.Len(t, k.state().Skipped, 1)
		k.trouble("12:passed", "b", wire.Trouble{Settled: true})
		k.trouble("12:passed", "b", wire.Trouble{Settled: true})
	})
	k.at(2*time.Minute, func() {
		require.Len(t, reasons(), 1, "it goes on")
		k.trouble("12", "b", wire.Trouble{Reason: "stands still: the same, told late"})
		k.trouble("40", "b", wire.Trouble{Reason: "stands still: something else"})
		k.trouble("terminated", "a", wire.Trouble{Reason: "was terminated", Over: true})
	})
	k.at(3*time.Minute, func() {
		require.Equal(t, []string{"a: Visit was terminated", "b: Visit stands still: something else"}, reasons())
		k.skip("seen", wire.Mend{})
	})
	k.at(4*time.Minute, func() { k.trouble("40", "b", wire.Trouble{Reason: "stands still: something else"}) })
	state := k.run()
	require.Empty(t, state.Concerns, "a person has looked")
}

// What a script that is over has asked is asked no more, and others need not wait.
func TestScriptInTroubleIsOver(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.at(0, func() { k.ask("q1", "a", "first?", 0, time.Time{}) })
	k.at(time.Second, func() { k.ask("q2", "b", "second?", 0, time.Time{}) })
	k.at(10*time.Second, func() { k.trouble("12", "a", wire.Trouble{Reason: "stands still"}) })
	k.at(20*time.Second, func() {
		require.Len(t, k.state().Questions, 2, "it may go on")
		k.trouble("terminated", "a", wire.Trouble{Reason: "was terminated", Over: true})
	})
	k.at(30*time.Second, func() {
		require.Len(t, k.state().Questions, 1)
		require.True(t, k.state().Questions[0].Open())
		require.Equal(t, "second?", k.sends[1].Text)
		k.text("m1", "yes")
	})
	k.run()
	require.Equal(t, []string{"b answer/q2 answered yes"}, k.outcomes)
}

// Of a contact who was erased nothing is kept, and no conversation stays for it.
func TestTroubleOfAnErasedContact(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.suppressions = &known{suppressed: k.start.Add(-time.Hour)}
	k.at(0, func() { k.trouble("failed", "a", wire.Trouble{Reason: "failed", Over: true}) })
	state := k.run()
	require.Empty(t, state.Concerns)
	require.Empty(t, state.Seen)
	require.WithinDuration(t, k.start, k.env.Now(), 10*time.Second, "it does not stay open")
}
