package conversation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/sms"
)

// A record is a workflow that need not do anything: that it runs says it all. It
// is how a namespace remembers what has to outlive its retention.
const (
	KeyRecordType     = "IDKey"       // the ids of this namespace are made with a key
	SuppressionType   = "Suppression" // a contact who was erased, and shall be sent nothing
	KeyRecordID       = "parley:id-key"
	fingerprintMemo   = "fingerprint-" // and that of the key, since a memo's name is never encrypted
	suppressionPrefix = "suppression:"
)

// recordLife is how long the server keeps a record without asking a worker about
// it: longer than any build, key or worker lives.
const recordLife = 50 * 365 * 24 * time.Hour

// record is run when somebody cancels a record, which ends it, or after its life.
func record(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return false })
}

// startRecord starts a record; the policy says what becomes of one that runs already.
func startRecord(ctx context.Context, c client.Client, taskQueue, recordType, id, summary string, memo map[string]any, policy enumspb.WorkflowIdConflictPolicy) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: taskQueue, StartDelay: recordLife, Memo: memo, StaticSummary: summary, WorkflowIDConflictPolicy: policy,
	}, recordType)
	return err
}

// RecordKey makes the key of ids the one of a namespace, unless there is one already.
func RecordKey(ctx context.Context, c client.Client, taskQueue string, ids IDs) error {
	return startRecord(ctx, c, taskQueue, KeyRecordType, KeyRecordID, "Workflow ids of this namespace are made with PARLEY_ID_KEY",
		map[string]any{fingerprintMemo + ids.Fingerprint(): true}, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
}

// RecordedKey is the fingerprint of a namespace's key; empty if it has none.
func RecordedKey(ctx context.Context, c client.Client) (string, error) {
	described, err := c.DescribeWorkflowExecution(ctx, KeyRecordID, "")
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
		if fingerprint, ok := strings.CutPrefix(name, fingerprintMemo); ok {
			return fingerprint, nil
		}
	}
	return "", fmt.Errorf("%s has no fingerprint: was it made by hand?", KeyRecordID)
}

// recorded is since when a record runs; the zero time if none does.
func recorded(ctx context.Context, c client.Client, id string) (time.Time, error) {
	described, err := c.DescribeWorkflowExecution(ctx, id, "")
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

// Suppressions know who was erased. What they keep of a contact is the HMAC of
// the number.
type Suppressions interface {
	// Suppressed is when a contact was erased who has not written START to this
	// sender since; the zero time for all others.
	Suppressed(ctx context.Context, contact sms.Number, sender sms.Sender) (time.Time, error)
	// Lift notes a START. It may be called again.
	Lift(ctx context.Context, contact sms.Number, sender sms.Sender) error
}

// TemporalSuppressions are records on a Temporal server.
type TemporalSuppressions struct {
	Client    client.Client
	TaskQueue string
	IDs       IDs
}

// SuppressionID is the workflow id of the record of a contact who was erased.
func (i IDs) SuppressionID(contact sms.Number) string {
	return suppressionPrefix + i.hide("contact", string(contact))
}

// LiftedID is the workflow id of the record that this contact has written START to
// a sender since.
func (i IDs) LiftedID(contact sms.Number, sender sms.Sender) string {
	return i.SuppressionID(contact) + ":lifted:" + i.hide("sender", string(sender))
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

// record starts a record anew: it counts from now.
func (s TemporalSuppressions) record(ctx context.Context, id, summary string) error {
	return startRecord(ctx, s.Client, s.TaskQueue, SuppressionType, id, summary, nil, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
}

// heedSuppression asks, in the first run of a conversation, whether the contact was erased.
// Nothing is taken before it is known: a text to somebody who was promised none is
// worse than a late one. A START from before that comes late, or once more, is void.
func (c *conversation) heedSuppression() error {
	var since time.Time
	err := workflow.ExecuteLocalActivity(c.recordContext(), suppressedActivity, whose{c.state.Contact, c.state.Sender}).Get(c.ctx, &since)
	if err != nil {
		return fmt.Errorf("asking whether the contact was erased: %w", err)
	}
	if !since.IsZero() {
		c.state.OptedOut = &OptOut{At: c.now(), Source: sourceErased, Accepted: since}
	}
	return nil
}

// lift notes, for conversations to come, that the contact wants texts again.
func (c *conversation) lift() {
	c.lifting = workflow.ExecuteLocalActivity(c.recordContext(), liftActivity, whose{c.state.Contact, c.state.Sender})
}

// recordContext is for local activities about records.
func (c *conversation) recordContext() workflow.Context {
	return workflow.WithLocalActivityOptions(c.ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: longOutage,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
}

// whose conversation it is.
type whose struct {
	Contact sms.Number `json:"contact"`
	Sender  sms.Sender `json:"sender,omitempty"`
}

func (t *Toolkit) suppressed(ctx context.Context, w whose) (time.Time, error) {
	return t.Suppressions.Suppressed(ctx, w.Contact, w.Sender)
}

func (t *Toolkit) liftSuppression(ctx context.Context, w whose) error {
	return t.Suppressions.Lift(ctx, w.Contact, w.Sender)
}
