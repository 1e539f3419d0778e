package main

import (
	"context"
	"time"

	"go.temporal.io/api/serviceerror"

	conversations "parley/conversation/client"
	"parley/internal/stack"
)

// actions counts what the server counts as billable, once its figures stand
// still, but for what this program asks.
func (s *side) actions(ctx context.Context) (float64, error) {
	last := -1.0
	for {
		now := 0.0
		byType, err := stack.Actions(ctx, s.plan.Metrics, "default")
		for kind, n := range byType {
			if kind != "grpc_QueryWorkflow" && kind != "grpc_UpdateWorkflowExecutionOptions" {
				now += n
			}
		}
		if err != nil || now == last {
			return now, err
		}
		last = now
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// events waits until a workflow has nothing to do, and counts its history; one
// that does not exist has none.
func (s *side) events(ctx context.Context, id string) (n int, err error) {
	err = s.await(ctx, "a workflow to come to rest", func() (bool, error) {
		described, err := conversations.Describe(ctx, s.temporal, id, "")
		if _, missing := err.(*serviceerror.NotFound); missing { //nolint:errorlint // the SDK returns it bare
			return true, nil
		}
		n = int(described.GetWorkflowExecutionInfo().GetHistoryLength())
		return described.GetPendingWorkflowTask() == nil && len(described.GetPendingActivities()) == 0, err
	})
	return n, err
}
