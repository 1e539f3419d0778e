package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// A Desk is where a person works on conversations: it lists, reads and mends them,
// for a command line, a page or another program.
type Desk struct {
	Client
	Namespace string
	Converter converter.DataConverter    // reads what conversations wrote
	Failures  converter.FailureConverter // reads why workers fail
	Archive   Archive                    // nil: no archive
	Patience  time.Duration              // with one call; 0: as long as its context has

	// Words says what failed, and why, to whoever works here. Nil: as errors do.
	Words func(doing string, err error) error
}

// Unreadable is the error of a converter that lacks what a payload was encrypted with.
type Unreadable interface {
	error
	Unreadable()
}

// ErrNotFound is returned when there is no such workflow.
var ErrNotFound = errors.New("there is no such workflow")

// Explain says what failed; nil stays nil.
func (d Desk) Explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case d.Words != nil:
		return d.Words(doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// WithPatience is a context that ends when the desk no longer waits for an answer.
func (d Desk) WithPatience(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.Patience == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d.Patience)
}

// Describe looks up a workflow's run; an empty run is the current one. It returns
// ErrNotFound if Temporal has none.
func (d Desk) Describe(ctx context.Context, workflowID, runID string) (*workflowpb.WorkflowExecutionInfo, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	described, err := Describe(ctx, d.Temporal, workflowID, runID)
	if IsNotFound(err) {
		return nil, ErrNotFound
	}
	return described.GetWorkflowExecutionInfo(), d.Explain("looking up "+workflowID, err)
}

// Describe looks up a workflow's run; an empty run is the current one. It returns
// errors as Temporal does.
func Describe(ctx context.Context, temporal client.Client, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	// DescribeWorkflow, which is to take its place, panics at an answer without search attributes.
	return temporal.DescribeWorkflowExecution(ctx, workflowID, runID) //nolint:staticcheck // see above
}

// IsNotFound reports whether a call failed because the server has no such thing.
func IsNotFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// IsTimeout reports whether a call got no answer in time.
func IsTimeout(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &deadline)
}

// IsRunning reports whether a workflow has not closed.
func IsRunning(info *workflowpb.WorkflowExecutionInfo) bool {
	return info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
}
