package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation"
)

// TestScriptsIn: what talked with a contact is erased, and nothing that is merely
// spoken of.
func TestScriptsIn(t *testing.T) {
	t.Parallel()

	ref := func(id string) conversation.ScriptRef {
		return conversation.ScriptRef{Type: "Feedback", WorkflowID: id, RunID: "r"}
	}
	input := json.RawMessage(`{"workflow_id":"payroll","script":{"type":"Payroll","workflow_id":"payroll","run_id":"r"}}`)
	state := conversation.State{
		Questions: []conversation.PendingQuestion{{Script: ref("asks")}},
		Outcomes:  []conversation.Ended{{Script: ref("asked")}},
		Watches:   []conversation.Watch{{Script: ref("watches")}},
		Floor:     conversation.Floor{Holder: ref("holds")},
		Says:      []conversation.Say{{ID: "s"}},
		Turn:      &conversation.Turn{Start: &conversation.Starting{Script: "Feedback", Input: input}},
		Parked:    []conversation.Parked{{Turn: &conversation.Turn{Start: &conversation.Starting{Script: "Feedback", Input: input}}}},
	}
	state.Says[0].Script = ref("says")
	body, err := json.Marshal(map[string]any{"script": ref("told"), "workflow_id": "payroll"})
	require.NoError(t, err)
	raw, err := json.Marshal([]any{conversation.Start{State: &state}, conversation.Envelope{Body: body}})
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(raw, &value))
	found := map[string]bool{}
	scriptsIn(value, found)
	require.Equal(t, []string{"asked", "asks", "holds", "says", "told", "watches"}, slices.Sorted(maps.Keys(found)))
}
