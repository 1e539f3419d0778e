package workflows_test

import (
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/conversationtest"
	"parley/workflows"
)

func TestReplay(t *testing.T) {
	t.Parallel()

	conversationtest.Replay(t, func(r worker.WorkflowReplayer) {
		for _, s := range workflows.Scripts {
			r.RegisterWorkflowWithOptions(s.Run, workflow.RegisterOptions{Name: s.Name})
		}
	})
}
