package conversation

import (
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// Reporting is what a worker does about how its scripts end, besides logging it.
type Reporting struct {
	Outcomes bool                    // each is told to the service for outcomes, by an activity that the worker has registered
	Tag      func(sms.Number) string // how the log names a contact; nil: by the ends of the number
}

// outcomes reports how each script ends, so that no script has to. A script is
// who talks to a contact: who has begun a chat, or has a contact in its input.
type outcomes struct {
	interceptor.WorkflowInboundInterceptorBase
	Reporting
}

// A run is what is known of a script while it runs.
type run struct {
	chats []*Chat
}

type runKey struct{}

func (o *outcomes) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	var r run
	result, err := o.Next.ExecuteWorkflow(workflow.WithValue(ctx, runKey{}, &r), in)
	switch workflow.GetInfo(ctx).WorkflowType.Name {
	case wire.WorkflowType, wire.KeyRecordType, wire.SuppressionType:
		return result, err
	}
	if len(r.chats) == 0 {
		r.chats = intended(ctx, in.Args)
	}
	if len(r.chats) > 0 && !workflow.IsContinueAsNewError(err) {
		o.report(ctx, r, result, err)
	}
	return result, err
}

// intended is the chat that a script would have begun, had it come so far.
func intended(ctx workflow.Context, args []any) []*Chat {
	if len(args) == 0 {
		return nil
	}
	var input struct {
		Contact sms.Number `json:"contact"`
		Sender  sms.Sender `json:"sender"`
	}
	raw, err := json.Marshal(args[0])
	if err != nil || json.Unmarshal(raw, &input) != nil || input.Contact == "" {
		return nil
	}
	return []*Chat{With(ctx, input.Contact, Over(input.Sender))}
}

// report leaves the script's own result and error as they are.
func (o *outcomes) report(ctx workflow.Context, r run, result any, err error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // who cancelled the script wants to hear of it, too
	self := self(ctx)
	word, raw := outcomeOf(result, err)
	outcome := wire.ScriptOutcome{
		ID: self.RunID + "/" + word, Script: self.Type, WorkflowID: self.WorkflowID, Reference: r.reference(), Outcome: word, Result: raw, Time: workflow.Now(ctx),
	}
	if err != nil {
		outcome.Error = err.Error()
	}
	log := workflow.GetLogger(ctx)
	fields := []any{"script", self.Type, "contact", o.tag(r.chats[len(r.chats)-1].contact), "outcome", wire.Mask(wire.Cut(word, maxWord))}
	if inTrouble(err) {
		log.Error("A script failed", append(fields, "reason", kindOf(err))...)
		r.tellTrouble(ctx, err)
	} else {
		log.Info("A script ended", fields...)
	}

	// Recorded, so that a replay does the same after the setting has changed.
	var told bool
	if failed := workflow.SideEffect(ctx, func(workflow.Context) any { return o.Outcomes }).Get(&told); failed != nil || !told {
		return
	}
	body, _ := json.Marshal(outcome) //nolint:errchkjson // its result was encoded already
	if _, failed := Do[any](ctx, wire.TellServiceActivity, wire.Errand{Hook: wire.HookOutcome, ID: outcome.ID, Body: body}); failed != nil {
		log.Error("The outcome of a script could not be told", append(fields, "error", kindOf(failed))...)
	}
}

const maxWord = 60 // of an outcome, in a log

func (o *outcomes) tag(contact sms.Number) string {
	if o.Tag == nil {
		return contact.Masked()
	}
	return o.Tag(contact)
}

// reference is what the script named last.
func (r run) reference() (reference string) {
	for _, chat := range r.chats {
		if chat.reference != "" {
			reference = chat.reference
		}
	}
	return reference
}

// outcomeOf is the one word for how a script ended, and its result as JSON.
func outcomeOf(result any, err error) (string, json.RawMessage) {
	ending, ended := errors.AsType[*Ending](err)
	switch {
	case ended:
		return string(ending.Kind), nil
	case temporal.IsCanceledError(err):
		return wire.OutcomeCancelled, nil
	case err != nil:
		return wire.OutcomeFailed, nil
	case result == nil:
		return wire.OutcomeCompleted, nil
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return wire.OutcomeCompleted, nil // it is no JSON
	}
	var its struct {
		Outcome string `json:"outcome"`
	}
	if json.Unmarshal(raw, &its) != nil || its.Outcome == "" {
		its.Outcome = wire.OutcomeCompleted
	}
	return its.Outcome, raw
}
