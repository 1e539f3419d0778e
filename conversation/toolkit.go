package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/sms"
)

// Names under which the toolkit's own activities are registered.
const (
	tellActivity        = "TellConversation"
	startScriptActivity = "StartScript"
	scriptRunsActivity  = "ScriptRuns"
	suppressedActivity  = "ContactSuppressed"
	liftActivity        = "LiftSuppression"
	moveActivity        = "MoveConversation"
)

// A Teller brings an event to a conversation, and starts that if it is not running.
type Teller interface {
	Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e Envelope) error
}

// Scripts starts scripts and knows whether they run.
type Scripts interface {
	// Start starts a script whose workflow id is made from the message id, so
	// that starting it twice is starting it once.
	Start(ctx context.Context, script, messageID string, input json.RawMessage) error
	// Runs reports whether a script's run, or one it was reset or continued to, is still open.
	Runs(ctx context.Context, ref ScriptRef) (bool, error)
}

// Toolkit is what every worker that runs conversations or scripts registers.
type Toolkit struct {
	Settings Settings
	Teller   Teller
	Scripts  Scripts
	IDs      IDs

	Suppressions Suppressions // nil: nobody is ever erased
	Mover        Mover

	// Sender tells which of a contact's conversations belongs to an address of
	// ours: the one without a sender for the default address. Nil: each has its own.
	Sender func(address sms.Sender) sms.Sender
}

// Register adds the conversation and what scripts need to a worker. On a worker
// with a version, conversations move to each new build; how scripts do, the
// worker's options say.
func Register(r worker.Registry, t *Toolkit) {
	r.RegisterWorkflowWithOptions(t.Conversation, workflow.RegisterOptions{Name: WorkflowType, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterActivityWithOptions(t.tellConversation, activity.RegisterOptions{Name: tellActivity})
	r.RegisterActivityWithOptions(t.startScript, activity.RegisterOptions{Name: startScriptActivity})
	r.RegisterActivityWithOptions(t.scriptRuns, activity.RegisterOptions{Name: scriptRunsActivity})
	r.RegisterActivityWithOptions(t.suppressed, activity.RegisterOptions{Name: suppressedActivity})
	r.RegisterActivityWithOptions(t.liftSuppression, activity.RegisterOptions{Name: liftActivity})
	r.RegisterActivityWithOptions(t.move, activity.RegisterOptions{Name: moveActivity})
	for _, name := range []string{KeyRecordType, SuppressionType} {
		r.RegisterWorkflowWithOptions(record, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
}

// telling is a script's message to the conversation. Its id is made here and
// recorded with the result, so that it stays the same on replay and reset.
type telling struct {
	Contact sms.Number      `json:"contact"`
	Sender  sms.Sender      `json:"sender,omitempty"`
	ID      string          `json:"id"`
	Kind    Kind            `json:"kind"`
	Body    json.RawMessage `json:"body"`
	Again   int             `json:"again,omitempty"` // times it was told before without an answer
	Trace   string          `json:"trace,omitempty"` // of the contact's last answer
}

func (t *Toolkit) tellConversation(ctx context.Context, in telling) (string, error) {
	if in.Again == 0 {
		in.ID = t.IDs.askID(in.ID)
	}
	// A repeat on purpose, or by a run that was reset, wants to be heard although
	// the id is known; a repeat of this activity does not.
	ctx = withRequestID(ctx, fmt.Sprintf("%s:%s@%s#%d", in.Kind, in.ID, activity.GetInfo(ctx).WorkflowExecution.RunID, in.Again))
	if in.Contact == "" {
		return "", temporal.NewNonRetryableApplicationError("the script has no contact to talk to: its input lacks the phone number", "NoContact", nil)
	}
	sender := sms.ParseSender(string(in.Sender))
	if t.Sender != nil {
		sender = t.Sender(sender)
	}
	return in.ID, t.Teller.Tell(ctx, in.Contact, sender, Envelope{Schema: Schema, ID: in.ID, Kind: in.Kind, At: time.Now(), Body: in.Body, Trace: in.Trace})
}

type startInput struct {
	Script    string          `json:"script"`
	MessageID string          `json:"message_id"`
	Input     json.RawMessage `json:"input,omitempty"`
}

func (t *Toolkit) startScript(ctx context.Context, in startInput) error {
	return t.Scripts.Start(ctx, in.Script, in.MessageID, in.Input)
}

func (t *Toolkit) scriptRuns(ctx context.Context, ref ScriptRef) (bool, error) {
	return t.Scripts.Runs(ctx, ref)
}

// TemporalScripts starts and looks up scripts on a Temporal server.
type TemporalScripts struct {
	Client    client.Client
	TaskQueue string
	Known     []string // the scripts that may be started by a responder

	// Check says what is wrong with a script's input; nil checks nothing. A
	// script that fails at once would leave the contact without any answer.
	Check func(script string, input json.RawMessage) error
}

// Start implements Scripts.
func (s TemporalScripts) Start(ctx context.Context, script, messageID string, input json.RawMessage) error {
	if !slices.Contains(s.Known, script) {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("there is no script %q; known are %s", script, strings.Join(s.Known, ", ")), "UnknownScript", nil)
	}
	if s.Check != nil {
		if err := s.Check(script, input); err != nil {
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
func (s TemporalScripts) Runs(ctx context.Context, ref ScriptRef) (bool, error) {
	described, err := s.Client.DescribeWorkflowExecution(ctx, ref.WorkflowID, "")
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
