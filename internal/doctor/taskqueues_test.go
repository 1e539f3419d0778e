package doctor

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/internal/settings"
)

// TestTaskQueues: work that waits long is told, unless it is paused.
func TestTaskQueues(t *testing.T) {
	t.Parallel()
	queue := func(waits time.Duration, workers ...string) *workflowservice.DescribeTaskQueueResponse {
		described := &workflowservice.DescribeTaskQueueResponse{Stats: &taskqueuepb.TaskQueueStats{ApproximateBacklogAge: durationpb.New(waits)}}
		for _, w := range workers {
			described.Pollers = append(described.Pollers, &taskqueuepb.PollerInfo{
				Identity: w, LastAccessTime: timestamppb.Now(), DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{BuildId: "build of " + w},
			})
		}
		return described
	}
	type queues map[string]*workflowservice.DescribeTaskQueueResponse
	examine := func(q queues, paused bool) map[string]Status {
		e := &examination{
			Doctor:       Doctor{Zone: time.UTC},
			installation: installation{temporal: settings.Temporal{TaskQueue: "parley", SendTaskQueue: "sending"}},
		}
		if paused {
			q["sending"].Config = &taskqueuepb.TaskQueueConfig{QueueRateLimit: &taskqueuepb.RateLimitConfig{RateLimit: &taskqueuepb.RateLimit{}}}
		}
		describe := func(w work) (*workflowservice.DescribeTaskQueueResponse, error) {
			if q[w.queue] == nil {
				return nil, errors.New("denied")
			}
			return q[w.queue], nil
		}
		found := map[string]Status{}
		for _, f := range e.taskQueues(describe) {
			found[f.Check] = f.Status
		}
		return found
	}
	well := map[string]Status{"task queue parley, workflows": OK, "task queue parley, activities": OK, "task queue sending, sending": OK, "sending": OK, "workers": OK}
	but := func(other map[string]Status) map[string]Status {
		all := maps.Clone(well)
		maps.Copy(all, other)
		return all
	}

	require.Equal(t, well, examine(queues{"parley": queue(0, "a"), "sending": queue(0, "a")}, false))
	require.Equal(t, but(map[string]Status{"task queue sending, sending": Warn}), examine(queues{"parley": queue(0, "a"), "sending": queue(time.Hour, "a")}, false))
	require.Equal(t, but(map[string]Status{"sending": Warn}), examine(queues{"parley": queue(0, "a"), "sending": queue(time.Hour, "a")}, true))
	require.Equal(t, but(map[string]Status{"task queue parley, workflows": Warn, "task queue parley, activities": Warn}), examine(queues{"parley": queue(time.Hour, "a"), "sending": queue(0, "a")}, false))
	require.Equal(t, but(map[string]Status{"workers": Warn}), examine(queues{"parley": queue(0, "a", "b"), "sending": queue(0, "a")}, false), "of two builds")
	require.Equal(t, but(map[string]Status{"task queue sending, sending": Fail}), examine(queues{"parley": queue(0, "a")}, false), "it may not be read")
	require.Equal(t, map[string]Status{
		"task queue parley, workflows": Fail, "task queue parley, activities": Fail, "task queue sending, sending": Fail, "sending": OK, "workers": Fail,
	}, examine(queues{"parley": queue(0), "sending": queue(0)}, false))
}
