package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"parley/conversation/wire"
	"parley/sms"
)

// startRecord starts a record; the policy says what becomes of one that runs already.
func startRecord(ctx context.Context, c client.Client, taskQueue, recordType, id, summary string, memo map[string]any, policy enumspb.WorkflowIdConflictPolicy) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: taskQueue, StartDelay: wire.RecordLife, Memo: memo, StaticSummary: summary, WorkflowIDConflictPolicy: policy,
	}, recordType)
	return err
}

// RecordKey records how the workflow ids of a namespace are made, unless that is
// recorded already.
func RecordKey(ctx context.Context, c client.Client, taskQueue string, ids wire.IDs) error {
	return startRecord(ctx, c, taskQueue, wire.KeyRecordType, wire.KeyRecordID, "How workflow ids of this namespace are made: with a PARLEY_ID_KEY, or none",
		map[string]any{wire.FingerprintMemo + ids.Fingerprint(): true}, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
}

// RecordedKey is the fingerprint of a namespace's ids; empty if none is recorded.
func RecordedKey(ctx context.Context, c client.Client) (string, error) {
	described, err := Describe(ctx, c, wire.KeyRecordID, "")
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return "", nil
	case err != nil:
		return "", err
	case described.GetWorkflowExecutionInfo().GetCloseTime() != nil:
		return "", nil
	}
	for name := range described.GetWorkflowExecutionInfo().GetMemo().GetFields() {
		if fingerprint, ok := strings.CutPrefix(name, wire.FingerprintMemo); ok {
			return fingerprint, nil
		}
	}
	return "", fmt.Errorf("%s has no fingerprint: was it made by hand?", wire.KeyRecordID)
}

// recorded is since when a record runs; the zero time if none does.
func recorded(ctx context.Context, c client.Client, id string) (time.Time, error) {
	described, err := Describe(ctx, c, id, "")
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED {
		return time.Time{}, nil
	}
	return info.GetStartTime().AsTime(), nil
}

// TemporalSuppressions are records on a Temporal server.
type TemporalSuppressions struct {
	Client    client.Client
	TaskQueue string
	IDs       wire.IDs
}

// Suppress records that a contact was erased; once more if that was so before, since
// what the contact has allowed meanwhile is void.
func (s TemporalSuppressions) Suppress(ctx context.Context, contact sms.Number) error {
	if err := s.record(ctx, s.IDs.SuppressionID(contact), "Erased; is sent nothing before START"); err != nil {
		return fmt.Errorf("recording that a contact is to be sent nothing: %w", err)
	}
	return nil
}

// Suppressed implements Suppressions.
func (s TemporalSuppressions) Suppressed(ctx context.Context, contact sms.Number, sender sms.Sender) (time.Time, error) {
	since, err := recorded(ctx, s.Client, s.IDs.SuppressionID(contact))
	if err != nil || since.IsZero() {
		return time.Time{}, err
	}
	lifted, err := recorded(ctx, s.Client, s.IDs.LiftedID(contact, sender))
	if err != nil || lifted.After(since) {
		return time.Time{}, err
	}
	return since, nil
}

// Lift implements Suppressions.
func (s TemporalSuppressions) Lift(ctx context.Context, contact sms.Number, sender sms.Sender) error {
	return s.record(ctx, s.IDs.LiftedID(contact, sender), "Has written START since")
}

// record starts a record again: it counts from now.
func (s TemporalSuppressions) record(ctx context.Context, id, summary string) error {
	return startRecord(ctx, s.Client, s.TaskQueue, wire.SuppressionType, id, summary, nil, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
}
