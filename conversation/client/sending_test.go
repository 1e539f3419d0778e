package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TestFollowsTheChange: what is printed after a change is not how sending stood before.
func TestFollowsTheChange(t *testing.T) {
	t.Parallel()
	limit := func(why string, at time.Time) *taskqueuepb.TaskQueueConfig {
		return &taskqueuepb.TaskQueueConfig{QueueRateLimit: &taskqueuepb.RateLimitConfig{
			RateLimit: &taskqueuepb.RateLimit{}, Metadata: &taskqueuepb.ConfigMetadata{Reason: why, UpdateTime: timestamppb.New(at)},
		}}
	}
	stands := func(config *taskqueuepb.TaskQueueConfig) Sending {
		return SendingOf("sending", &workflowservice.DescribeTaskQueueResponse{Config: config})
	}
	none, at := &taskqueuepb.TaskQueueConfig{}, time.Now()
	paused := limit("away", at)
	tests := []struct {
		name          string
		before, taken *taskqueuepb.TaskQueueConfig
	}{
		{"paused", none, paused},
		{"resumed", paused, none},
		{"for another reason", paused, limit("still away", at.Add(time.Second))},
		{"once more for the same", paused, limit("away", at.Add(time.Second))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.False(t, stands(tt.before).follows(tt.taken))
			require.True(t, stands(tt.taken).follows(tt.taken))
		})
	}
}
