package conversationtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"parley/conversation"
)

// Replay replays recorded histories on this build, as a worker would that takes
// over what another one began: testdata/histories/<version>/<name>.json.
// Conversations live for weeks, across deploys, so the files are never made
// again; a change that breaks one would break a conversation that is running.
func Replay(t *testing.T, register func(worker.WorkflowReplayer)) {
	t.Helper()
	histories, err := filepath.Glob("testdata/histories/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, histories)
	for _, path := range histories {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()

			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
			require.NoError(t, err)
			register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, path),
				"what has begun as %s did would stand still on this build: put the change behind workflow.GetVersion, as docs/changing-scripts.md tells", path)
		})
	}
}
