package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"parley/conversation/wire"
)

// TemporalScripts starts and looks up scripts on a Temporal server.
type TemporalScripts struct {
	Client    client.Client
	TaskQueue string
	Known     []string // the scripts that may be started by a responder

	// Prepare returns a script's input as it is started with: with its numbers in
	// their normal form. It says what is wrong with one that the script would fail
	// at, which would leave the contact without any answer. Nil does neither.
	Prepare func(script string, input json.RawMessage) (json.RawMessage, error)
}

// Start implements Scripts.
func (s TemporalScripts) Start(ctx context.Context, script, messageID string, input json.RawMessage) error {
	if !slices.Contains(s.Known, script) {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("there is no script %q; known are %s", script, strings.Join(s.Known, ", ")), "UnknownScript", nil)
	}
	if s.Prepare != nil {
		var err error
		if input, err = s.Prepare(script, input); err != nil {
			return temporal.NewNonRetryableApplicationError(err.Error(), "InvalidInput", nil)
		}
	}
	args := []any{input}
	if len(input) == 0 {
		args = nil
	}
	_, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       "text:" + messageID,
		TaskQueue:                s.TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, script, args...)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &started) {
		return fmt.Errorf("starting a script: %w", err)
	}
	return nil
}

// Runs implements Scripts.
func (s TemporalScripts) Runs(ctx context.Context, ref wire.ScriptRef) (bool, error) {
	described, err := Describe(ctx, s.Client, ref.WorkflowID, "")
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking up a script: %w", err)
	}
	info := described.GetWorkflowExecutionInfo()
	ours := ref.FirstRunID == "" || info.GetFirstRunId() == ref.FirstRunID
	open := info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	return ours && open, nil
}
