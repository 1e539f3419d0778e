package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/timestamppb"

	conversations "parley/conversation/client"
	"parley/conversation/engine"
)

func TestBuilds(t *testing.T) {
	t.Parallel()
	now, longAgo := timestamppb.Now(), timestamppb.New(time.Now().Add(-time.Hour))
	poller := func(build string, at *timestamppb.Timestamp) *taskqueuepb.PollerInfo {
		mode := enumspb.WORKER_VERSIONING_MODE_VERSIONED
		if build == "" {
			mode = enumspb.WORKER_VERSIONING_MODE_UNVERSIONED
		}
		return &taskqueuepb.PollerInfo{LastAccessTime: at, DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "parley", BuildId: build, WorkerVersioningMode: mode}}
	}
	version := func(build string) *deploymentpb.WorkerDeploymentVersion {
		return &deploymentpb.WorkerDeploymentVersion{DeploymentName: "parley", BuildId: build}
	}
	one, two, none := poller("1", now), poller("2", now), poller("", now)
	tests := []struct {
		name    string
		pollers []*taskqueuepb.PollerInfo
		info    *taskqueuepb.TaskQueueVersioningInfo
		status  status
		found   string
	}{
		{"no versioning", []*taskqueuepb.PollerInfo{none}, nil, "", ""},
		{"no worker", nil, nil, "", ""},
		{"none is current", []*taskqueuepb.PollerInfo{one, two}, nil, statusFail, "none is the current one: parley:1, parley:2"},
		{"beside workers without a version", []*taskqueuepb.PollerInfo{one, none}, nil, statusWarn, "these builds get none: parley:1"},
		{"the current one is gone", []*taskqueuepb.PollerInfo{poller("1", longAgo), two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")}, statusFail, "the current build is parley:1, and no worker is of it"},
		{"without a version after one", []*taskqueuepb.PollerInfo{none}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")}, statusFail, "the current build is parley:1, and no worker is of it"},
		{"current", []*taskqueuepb.PollerInfo{one, two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("2")}, statusOK, "the current one is parley:2; running: parley:1, parley:2"},
		{"ramping", []*taskqueuepb.PollerInfo{one, two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1"), RampingDeploymentVersion: version("2"), RampingVersionPercentage: 10}, statusOK, "10 % of new work goes to parley:2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := examineBuilds(&workflowservice.DescribeTaskQueueResponse{Pollers: tt.pollers, VersioningInfo: tt.info})
			if tt.status == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, tt.status, found[0].Status)
			require.Contains(t, found[0].Found, tt.found)
		})
	}
}

// TestDoctorSeesBuilds: a build that nobody made current gets no new work, which
// looks as if all were well.
func TestDoctorSeesBuilds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.production()
	start := func(build string) {
		b := worker.New(w.temporal, queue, worker.Options{DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "parley", BuildID: build},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}})
		engine.Register(b, &engine.Toolkit{Settings: w.settings})
		conversations.Telling{Teller: w.reach}.Register(b)
		require.NoError(t, b.Start())
		t.Cleanup(b.Stop)
	}
	finds := func(status status, words string) (all findings) {
		t.Helper()
		require.Eventually(t, func() bool {
			stdout, _, _ := parley(t, w.env, "doctor", "--json")
			all = unmarshal[findings](t, stdout)
			for _, f := range all {
				if f.Check == "builds" && f.Status == status && f.Found == words {
					return true
				}
			}
			return false
		}, time.Minute, 100*time.Millisecond, "%s %q", status, words)
		return all
	}

	start("1")
	all := finds(statusFail, "new conversations and scripts wait: of the builds that run, none is the current one: parley:1")
	require.Contains(t, all, failed("builds", "temporal worker deployment set-current-version --deployment-name parley --build-id 1", "new conversations and scripts wait: of the builds that run, none is the current one: parley:1"))

	require.Eventually(t, func() bool { // the server hears of a build from its worker
		_, err := w.temporal.WorkerDeploymentClient().GetHandle("parley").SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "1"})
		return err == nil
	}, time.Minute, 200*time.Millisecond)
	finds(statusOK, "the current one is parley:1; running: parley:1")
	start("2")
	for _, f := range finds(statusOK, "the current one is parley:1; running: parley:1, parley:2") {
		if f.Check == "workers" {
			require.Equal(t, statusOK, f.Status, "side by side is no mistake: %v", f)
		}
	}
}
