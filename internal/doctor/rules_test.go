package doctor

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// Whatever the number of runs on either side, each that is older is counted, and no
// worker is asked.
func TestCountsOlderRules(t *testing.T) {
	t.Parallel()
	temporal := startTemporal(t)
	e := &examination{Doctor: Doctor{Sample: 50}, server: &Server{Desk: conversations.Desk{
		Client: conversations.Client{Temporal: temporal}, Namespace: client.DefaultNamespace, Converter: converter.GetDefaultDataConverter(),
	}}}
	e.temporal.TaskQueue = "parley"
	found := func(words string) {
		t.Helper()
		var last []Finding
		require.Eventually(t, func() bool {
			last = e.examineRules(t.Context())
			return len(last) == 1 && last[0] == fine("older rules", "%s", words)
		}, time.Minute, 100*time.Millisecond, "%s; the last: %v", words, &last)
	}
	found("no conversation tells its rules")

	rules := &atomic.Int64{} // of the worker
	started := 0
	start := func(workflowType string, n int) {
		t.Helper()
		for range n {
			started++
			run, err := temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: fmt.Sprintf("%s-%d", workflowType, started), TaskQueue: "parley"}, workflowType)
			require.NoError(t, err)
			require.Eventually(t, func() bool { // its first task is done
				described, err := temporal.DescribeWorkflow(t.Context(), run.GetID(), run.GetRunID())
				return err == nil && described.RawResponse.GetWorkflowExecutionInfo().GetHistoryLength() >= 4
			}, time.Minute, 10*time.Millisecond)
		}
	}
	run := func(build string) {
		t.Helper()
		w := worker.New(temporal, "parley", worker.Options{DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "parley", BuildID: build},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}})
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
			workflow.SideEffect(ctx, func(workflow.Context) any {
				settings := wire.DefaultSettings()
				settings.Version = int(rules.Load())
				return settings
			})
			return workflow.Await(ctx, func() bool { return false })
		}, workflow.RegisterOptions{Name: wire.WorkflowType, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
			return workflow.Await(ctx, func() bool { return false })
		}, workflow.RegisterOptions{Name: "Script"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
		require.Eventually(t, func() bool { // the server hears of a build from its worker
			_, err := temporal.WorkerDeploymentClient().GetHandle("parley").SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
			return err == nil
		}, time.Minute, 200*time.Millisecond)
	}

	rules.Store(1)
	run("1")
	e.current = "parley:1"
	start(wire.WorkflowType, 3)
	start("Script", 2)
	found("0 conversations below version 1, the newest in use; 0 scripts pinned to other builds than parley:1")

	rules.Store(2)
	run("2")
	found("0 conversations below version 1, the newest in use; 0 scripts pinned to other builds than parley:1")
	e.current = "parley:2"
	start(wire.WorkflowType, 4)
	start("Script", 1)
	found("3 conversations below version 2, the newest in use; 2 scripts pinned to other builds than parley:2")

	rules.Store(3)
	start(wire.WorkflowType, 1)
	found("7 conversations below version 3, the newest in use; 2 scripts pinned to other builds than parley:2")

	e.current = "" // without versioning
	found("7 conversations below version 3, the newest in use")
}
