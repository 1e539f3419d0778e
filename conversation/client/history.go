package client

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// Started is how a run was started, and when.
func (d Desk) Started(ctx context.Context, id, runID string) (*historypb.WorkflowExecutionStartedEventAttributes, time.Time, error) {
	page, err := d.history(ctx, id, runID, 1, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, event := range page.GetHistory().GetEvents() {
		return event.GetWorkflowExecutionStartedEventAttributes(), event.GetEventTime().AsTime(), nil
	}
	return nil, time.Time{}, nil
}

// EachEvent goes through the history of a run.
func (d Desk) EachEvent(ctx context.Context, id, runID string, visit func(*historypb.HistoryEvent)) error {
	var token []byte
	for {
		page, err := d.history(ctx, id, runID, 0, token)
		if err != nil {
			return err
		}
		for _, event := range page.GetHistory().GetEvents() {
			visit(event)
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

func (d Desk) history(ctx context.Context, id, runID string, size int32, token []byte) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Temporal.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: d.Namespace, MaximumPageSize: size, NextPageToken: token,
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: runID},
	})
}
