package engine

import (
	"context"
	"encoding/json"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

// Scripts starts scripts and knows whether they run.
type Scripts interface {
	// Start starts a script whose workflow id is made from the message id, so
	// that starting it twice is starting it once.
	Start(ctx context.Context, script, messageID string, input json.RawMessage) error
	// Runs reports whether a script's run, or one it was reset or continued to, is still open.
	Runs(ctx context.Context, ref wire.ScriptRef) (bool, error)
}

// Toolkit is what a worker that runs conversations registers.
type Toolkit struct {
	Settings wire.Settings
	Scripts  Scripts
	IDs      wire.IDs

	Responder    Responder    // nil: ByActivity
	Suppressions Suppressions // nil: nobody is ever erased

	rules []rule // more of them, in tests
}

// Register adds the conversation to a worker. On a worker with a version,
// conversations move to each new build; how scripts do, the worker's options say.
func Register(r worker.Registry, t *Toolkit) {
	r.RegisterWorkflowWithOptions(t.Conversation, workflow.RegisterOptions{Name: wire.WorkflowType, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterActivityWithOptions(t.startScript, activity.RegisterOptions{Name: wire.StartScriptActivity})
	r.RegisterActivityWithOptions(t.scriptRuns, activity.RegisterOptions{Name: wire.ScriptRunsActivity})
	r.RegisterActivityWithOptions(t.suppressed, activity.RegisterOptions{Name: wire.SuppressedActivity})
	r.RegisterActivityWithOptions(t.liftSuppression, activity.RegisterOptions{Name: wire.LiftActivity})
	for _, name := range []string{wire.KeyRecordType, wire.SuppressionType} {
		r.RegisterWorkflowWithOptions(record, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
}

type startInput struct {
	Script    string          `json:"script"`
	MessageID string          `json:"message_id"`
	Input     json.RawMessage `json:"input,omitempty"`
}

func (t *Toolkit) startScript(ctx context.Context, in startInput) error {
	return t.Scripts.Start(ctx, in.Script, in.MessageID, in.Input)
}

func (t *Toolkit) scriptRuns(ctx context.Context, ref wire.ScriptRef) (bool, error) {
	return t.Scripts.Runs(ctx, ref)
}
