package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/conversationtest"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
)

func TestReplay(t *testing.T) {
	t.Parallel()

	conversationtest.Replay(t, func(r worker.WorkflowReplayer) {
		toolkit := &engine.Toolkit{Settings: wire.DefaultSettings()}
		r.RegisterWorkflowWithOptions(toolkit.Conversation, workflow.RegisterOptions{Name: wire.WorkflowType})
	})
}

// Events of every release are understood for ever: a webhook, or a script, may
// be older than the worker.
func TestEnvelopes(t *testing.T) {
	t.Parallel()

	releases, err := filepath.Glob("testdata/envelopes/*")
	require.NoError(t, err)
	require.NotEmpty(t, releases)
	for _, release := range releases {
		k := newTalk(t)
		files, err := filepath.Glob(release + "/*.json")
		require.NoError(t, err)
		for i, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			k.at(time.Duration(i)*time.Minute, func() { k.env.SignalWorkflow(wire.EventSignal, json.RawMessage(raw)) })
		}
		state := k.run()
		require.Empty(t, state.Skipped)
		require.Equal(t, []string{"re: Where is my order?", "Your order is ready.", "How was your visit?", "Thank you!"}, words(k.sends))
		require.Equal(t, sms.StatusDelivered, state.Transcript[1].Status)
	}
}
