package client

import (
	"context"
	"fmt"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
)

// EachConversation goes through the conversations that visibility finds, the
// newest first, until the limit is reached or visit has seen enough.
func (d Desk) EachConversation(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (more bool, err error)) error {
	return d.EachWorkflow(ctx, fmt.Sprintf("WorkflowType = '%s' AND %s", wire.WorkflowType, query), limit, visit)
}

// EachWorkflow goes through workflows as EachConversation goes through conversations.
func (d Desk) EachWorkflow(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (more bool, err error)) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(min(limit, 100)), //nolint:gosec // a hundred fits
		Query:    query,
	}
	for {
		page, err := d.page(ctx, request)
		if err != nil {
			return err
		}
		for _, info := range page.GetExecutions() {
			if limit--; limit < 0 {
				return nil
			}
			if more, err := visit(info); err != nil || !more {
				return err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 || limit == 0 {
			return nil
		}
	}
}

func (d Desk) page(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Temporal.ListWorkflow(ctx, request)
}
