package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	conversations "parley/conversation/client"
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

func (otherService) DescribeTaskQueue(context.Context, *workflowservice.DescribeTaskQueueRequest, ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{}, nil
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
		s := &server{options: client.Options{HostPort: "temporal:7233", Namespace: "ns"}}
		s.desk = conversations.Desk{Client: conversations.Client{Temporal: otherServer{service: otherService{err: tt.err}}}, Words: s.explain}
		_, err := s.desk.PauseSending(t.Context(), "sending", "ana", "")
		require.ErrorContains(t, s.cannotLimit(err), tt.want)
	}
}

func rateOf(namespace, queue string, rate float32) *workflowservice.UpdateTaskQueueConfigRequest {
	return &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: namespace, Identity: "ana", TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: &taskqueuepb.RateLimit{RequestsPerSecond: rate}},
	}
}
