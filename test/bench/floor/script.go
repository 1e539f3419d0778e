package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/workflow"
)

const lineWorkflow = "Line"

// line passes a script's texts on to one number, and the number's texts back to
// the script that asked last.
func line(ctx workflow.Context, contact string) error {
	events := workflow.GetSignalChannel(ctx, signalName)
	ctx = options(ctx)
	asking := ""
	for n := 0; n < longRun || events.Len() > 0; n++ {
		var e event
		events.Receive(ctx, &e)
		switch {
		case e.Kind == kindAsk:
			if err := workflow.ExecuteActivity(ctx, a.Send, outbound{To: contact, Text: e.Text}).Get(ctx, nil); err != nil {
				return err
			}
			asking = e.Script
		case e.Kind == kindText && asking != "":
			if err := workflow.SignalExternalWorkflow(ctx, asking, "", "answer", e.Text).Get(ctx, nil); err != nil {
				return err
			}
			asking = ""
		}
	}
	return workflow.NewContinueAsNewError(ctx, lineWorkflow, contact)
}

// script asks its questions one after the other. The line may not be running
// yet, so they go by signal-with-start.
func script(ctx workflow.Context, contact string, questions []string) error {
	answers := workflow.GetSignalChannel(ctx, "answer")
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second})
	for n, question := range questions {
		if n > 0 {
			answers.Receive(ctx, nil)
		}
		e := event{Kind: kindAsk, Text: question, Script: workflow.GetInfo(ctx).WorkflowExecution.ID}
		if err := workflow.ExecuteLocalActivity(ctx, a.Ask, contact, e).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// Ask brings a question to the line.
func (a *activities) Ask(ctx context.Context, contact string, e event) error {
	return tell(ctx, a.temporal, lineWorkflow, contact, e)
}
