package wire_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

// TestConcernsOfManyScripts: a concern for each, as long as a state can hold them;
// one that is of no script is never let go for them.
func TestConcernsOfManyScripts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	var s wire.State
	s.Raise(wire.CauseFlood, "too many", now)
	gone := 0
	for i := range 30 {
		if s.RaiseOf(wire.CauseTrouble, strconv.Itoa(i), "Visit failed", now.Add(time.Duration(i)*time.Minute)) {
			gone++
		}
	}
	require.Len(t, s.Concerns, 20)
	require.Equal(t, 11, gone)
	require.Equal(t, wire.CauseFlood, s.Concerns[0].Cause)
	require.Equal(t, "11", s.Concerns[1].Of, "the oldest are let go")
	require.Len(t, s.Attention().Scripts, 19)
	require.Equal(t, wire.ScriptInTrouble{WorkflowID: "29", Reason: "Visit failed"}, s.Attention().Scripts[18])

	s.RaiseOf(wire.CauseTrouble, "29", "Visit was terminated", now.Add(time.Hour))
	require.Len(t, s.Concerns, 20)
	require.Equal(t, "Visit was terminated", s.Concerns[19].Reason)
	require.Equal(t, now.Add(29*time.Minute), s.Concerns[19].At, "since the first of it")
	s.SettleOf(wire.CauseTrouble, "29")
	s.Settle(wire.CauseTrouble) // which is of no script
	require.Len(t, s.Concerns, 19)
	s.Settle(wire.CauseFlood)
	require.Len(t, s.Concerns, 18)
}
