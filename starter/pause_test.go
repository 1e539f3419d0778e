package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Contains(t, w.fails(1, "pause-sending"), "set PARLEY_SEND_TASK_QUEUE")
	w.env["PARLEY_SEND_TASK_QUEUE"] = queue
	require.Contains(t, w.fails(1, "resume-sending"), "set PARLEY_SEND_TASK_QUEUE", "one queue under two names is still one")

	w.env["PARLEY_SEND_TASK_QUEUE"] = "sending"
	stdout := w.does("resume-sending")
	require.Contains(t, stdout, "sending is not paused\n")
	require.Contains(t, stdout, "is PARLEY_SEND_TASK_QUEUE the same there?")

	stdout = w.does("pause-sending", "--why", "the carrier\nis away")
	require.Contains(t, stdout, "sending is paused since ")
	require.Contains(t, stdout, " by "+userName()+": the carrier is away\n")
	first := unmarshal[sending](t, w.does("pause-sending", "--json"))
	require.True(t, first.Paused)
	require.Equal(t, "sending", first.TaskQueue)
	again := unmarshal[sending](t, w.does("pause-sending", "--json"))
	require.Equal(t, first.Since, again.Since, "since the first time")
	require.Equal(t, "still away", unmarshal[sending](t, w.does("pause-sending", "--why", "still away", "--json")).Why)

	for range 2 {
		require.Equal(t, sending{TaskQueue: "sending"}, unmarshal[sending](t, w.does("resume-sending", "--json")))
	}
}

// A limit that was set with Temporal's own command line is somebody's decision.
func TestResumeLeavesAnotherLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["PARLEY_SEND_TASK_QUEUE"] = "sending"
	_, err := w.temporal.WorkflowService().UpdateTaskQueueConfig(t.Context(), rateOf(w.env["TEMPORAL_NAMESPACE"], "sending", 7))
	require.NoError(t, err)
	require.Contains(t, w.does("resume-sending"), "sending is not paused; 7 texts in a second at most\n")
}

// otherServer answers as a server would that we have not got.
type otherServer struct {
	client.Client
	service otherService
}

func (o otherServer) WorkflowService() workflowservice.WorkflowServiceClient { return o.service }

type otherService struct {
	workflowservice.WorkflowServiceClient
	err error
}

func (o otherService) UpdateTaskQueueConfig(context.Context, *workflowservice.UpdateTaskQueueConfigRequest, ...grpc.CallOption) (*workflowservice.UpdateTaskQueueConfigResponse, error) {
	return nil, o.err
}

func TestServersThatCannotPause(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want string
	}{
		{serviceerror.NewUnimplemented("unknown method"), "is too old to know how; update it, or stop the workers that run with --only send"},
		{serviceerror.NewPermissionDenied("no", ""), `use a TEMPORAL_API_KEY that may write to namespace "ns"`},
		{serviceerror.NewUnavailable("no"), "cannot be reached any more"},
	}
	for _, tt := range tests {
		s := &server{Client: otherServer{service: otherService{err: tt.err}}, options: client.Options{HostPort: "temporal:7233", Namespace: "ns"}, timeout: time.Second}
		_, err := s.limit(t.Context(), "sending", nil, "")
		require.ErrorContains(t, err, tt.want)
	}
}

func rateOf(namespace, queue string, rate float32) *workflowservice.UpdateTaskQueueConfigRequest {
	return &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: namespace, Identity: "ana", TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: &taskqueuepb.RateLimit{RequestsPerSecond: rate}},
	}
}

// TestFollowsTheChange: what is printed after a change is not how sending stood before.
func TestFollowsTheChange(t *testing.T) {
	t.Parallel()
	limit := func(why string, at time.Time) *taskqueuepb.TaskQueueConfig {
		return &taskqueuepb.TaskQueueConfig{QueueRateLimit: &taskqueuepb.RateLimitConfig{
			RateLimit: &taskqueuepb.RateLimit{}, Metadata: &taskqueuepb.ConfigMetadata{Reason: why, UpdateTime: timestamppb.New(at)},
		}}
	}
	stands := func(config *taskqueuepb.TaskQueueConfig) sending {
		return sendingOf("sending", &workflowservice.DescribeTaskQueueResponse{Config: config})
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
