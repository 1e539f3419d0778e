package doctor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
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
		status  Status
		found   string
	}{
		{"no versioning", []*taskqueuepb.PollerInfo{none}, nil, "", ""},
		{"no worker", nil, nil, "", ""},
		{"none is current", []*taskqueuepb.PollerInfo{one, two}, nil, Fail, "none is the current one: parley:1, parley:2"},
		{"beside workers without a version", []*taskqueuepb.PollerInfo{one, none}, nil, Warn, "these builds get none: parley:1"},
		{"the current one is gone", []*taskqueuepb.PollerInfo{poller("1", longAgo), two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")}, Fail, "the current build is parley:1, and no worker is of it"},
		{"without a version after one", []*taskqueuepb.PollerInfo{none}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1")}, Fail, "the current build is parley:1, and no worker is of it"},
		{"current", []*taskqueuepb.PollerInfo{one, two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("2")}, OK, "the current one is parley:2; running: parley:1, parley:2"},
		{"ramping", []*taskqueuepb.PollerInfo{one, two}, &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: version("1"), RampingDeploymentVersion: version("2"), RampingVersionPercentage: 10}, OK, "10 % of new work goes to parley:2"},
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
