package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"

	"parley/internal/stack"
)

// ours are the actions of this program, and no part of any turn.
var ours = []string{"grpc_QueryWorkflow", "grpc_UpdateWorkflowExecutionOptions"}

// actions reads what the server counts as billable, once its figures stand
// still: it brings them up to date every few seconds.
func (s *side) actions(ctx context.Context) (float64, error) {
	last := -1.0
	for {
		now, err := s.readActions(ctx)
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

func (s *side) readActions(ctx context.Context) (total float64, err error) {
	text, err := stack.Fetch(ctx, s.plan.Metrics)
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		labels, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(labels, "action{") || !strings.Contains(labels, `namespace="default"`) ||
			slices.ContainsFunc(ours, func(kind string) bool { return strings.Contains(labels, kind) }) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the server's figures: %w", err)
		}
		total += n
	}
	return total, nil
}

// events waits until a workflow has nothing to do, and counts its history.
func (s *side) events(ctx context.Context, id string) (n int, err error) {
	err = s.await(ctx, "a workflow to come to rest", func() bool {
		described, failed := s.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err = failed; err != nil {
			return true
		}
		n = int(described.GetWorkflowExecutionInfo().GetHistoryLength())
		return described.GetPendingWorkflowTask() == nil && len(described.GetPendingActivities()) == 0
	})
	if _, missing := err.(*serviceerror.NotFound); missing { //nolint:errorlint // the SDK returns it bare
		return 0, nil
	}
	return n, err
}
