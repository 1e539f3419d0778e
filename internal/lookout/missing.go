package lookout

import (
	"context"
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"parley/conversation/wire"
)

// missing is how often an activity has been given to workers that lack it before
// anybody is told. Builds take turns in a deployment, and one of them may have it.
const missing = 3

// counter is the SDK's own, of activities that a worker lacks; it counts none
// where something answers for them.
const counter = "temporal_unregistered_activity_invocation"

// Register has the lookout answer for the activities that a worker lacks.
func (l *Lookout) Register(r worker.Registry) {
	r.RegisterDynamicActivity(l.missing, activity.DynamicRegisterOptions{})
}

// missing fails, as without it; another worker may have the activity, or a build to come.
func (l *Lookout) missing(ctx context.Context, _ converter.EncodedValues) (any, error) {
	info := activity.GetInfo(ctx)
	activity.GetMetricsHandler(ctx).Counter(counter).Inc(1)
	name := info.ActivityType.Name
	if !info.IsLocalActivity && info.Attempt >= missing && slices.Contains(l.Scripts, info.WorkflowType.Name) {
		l.tellMissing(ctx, info)
	}
	return nil, temporal.NewApplicationError(fmt.Sprintf("no activity %q is registered with this worker: deploy the build that has it", name), wire.ErrTypeUnregistered)
}

func (l *Lookout) tellMissing(ctx context.Context, info activity.Info) {
	run := &commonpb.WorkflowExecution{WorkflowId: info.WorkflowExecution.ID, RunId: info.WorkflowExecution.RunID}
	id := "missing:" + run.GetRunId() + ":" + info.ActivityID
	if !l.new(id) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, takes)
	defer cancel()
	described, err := l.Desk.Describe(ctx, run.GetWorkflowId(), run.GetRunId())
	if err != nil || !l.tell(ctx, trouble{run: described, what: "activity-" + info.ActivityID, kind: "waits for the activity " + info.ActivityType.Name + ", which no worker has"}) {
		l.again(id)
	}
}
