package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

const turnWorkflow = "Turn"

// longRun is after how many signals a workflow continues as new.
const longRun = 1000

func options(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})
}

// turn answers one number's texts, one after the other.
func turn(ctx workflow.Context, contact string) error {
	events := workflow.GetSignalChannel(ctx, signalName)
	ctx = options(ctx)
	for n := 0; n < longRun || events.Len() > 0; n++ {
		var e event
		events.Receive(ctx, &e)
		if e.Kind != kindText {
			continue
		}
		var reply string
		if err := workflow.ExecuteActivity(ctx, a.Respond, e.Text).Get(ctx, &reply); err != nil {
			return err
		}
		if err := workflow.ExecuteActivity(ctx, a.Send, outbound{To: contact, Text: reply}).Get(ctx, nil); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, turnWorkflow, contact)
}

var a *activities

type activities struct {
	carrier  *carrier
	temporal client.Client
}

type outbound struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// Respond is what Parley's own responder answers.
func (a *activities) Respond(_ context.Context, text string) (string, error) {
	return `Thanks for your message! You said: "` + text + `"`, nil
}

// Send posts a text to the carrier and returns its message id.
func (a *activities) Send(ctx context.Context, m outbound) (string, error) {
	return a.carrier.send(ctx, m)
}
