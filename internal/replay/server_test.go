package replay

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
)

func TestPinned(t *testing.T) {
	t.Parallel()
	version := &deploymentpb.WorkerDeploymentVersion{DeploymentName: "parley", BuildId: "1.4.0"}
	tests := []struct {
		name string
		info *workflowpb.WorkflowExecutionVersioningInfo
		want string
	}{
		{"no versions", nil, ""},
		{"goes along", &workflowpb.WorkflowExecutionVersioningInfo{Behavior: enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, DeploymentVersion: version}, ""},
		{"pinned", &workflowpb.WorkflowExecutionVersioningInfo{Behavior: enumspb.VERSIONING_BEHAVIOR_PINNED, DeploymentVersion: version}, "parley.1.4.0"},
		{"pinned by hand", &workflowpb.WorkflowExecutionVersioningInfo{
			Behavior: enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE,
			VersioningOverride: &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{
				Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED, Version: version,
			}}},
		}, "parley.1.4.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run := runOf(&workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, VersioningInfo: tt.info})
			require.Equal(t, tt.want, run.Pinned)
			require.True(t, run.Open)
		})
	}
}
