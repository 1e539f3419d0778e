package test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
)

// taker is a carrier that takes every text.
type taker struct{ taken atomic.Int64 }

func (c *taker) Send(context.Context, sms.Outbound) (sms.Accepted, error) {
	return sms.Accepted{MessageID: "M" + strconv.FormatInt(c.taken.Add(1), 10), At: time.Now()}, nil
}

func (*taker) Find(context.Context, sms.Search) (sms.Finding, error) {
	return sms.Finding{Certain: true}, nil
}

// think is a responder that is a workflow: it tells its parent what it decided.
func think(ctx workflow.Context, turn activities.Turn) error {
	if err := workflow.Sleep(ctx, 2*time.Second); err != nil {
		return err
	}
	e, err := wire.NewEnvelope(wire.KindDecide, "decide:"+turn.ID, workflow.Now(ctx), wire.Decided{Turn: turn.ID, Decision: wire.Decision{Reply: "After some thought: " + turn.Text}})
	if err != nil {
		return err
	}
	return workflow.SignalExternalWorkflow(ctx, workflow.GetInfo(ctx).ParentWorkflowExecution.ID, "", wire.EventSignal, e).Get(ctx, nil)
}

// TestResponderIsAWorkflow: on a real server, across runs of the conversation.
func TestResponderIsAWorkflow(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.StopWorker()
	settings := wire.DefaultSettings()
	settings.ContinueAfter = 1
	own := worker.New(w.Temporal, "parley", worker.Options{})
	engine.Register(own, &engine.Toolkit{Settings: settings, Responder: engine.ByWorkflow{Type: "Think"}})
	own.RegisterActivity(&activities.Messaging{Carrier: &taker{}})
	own.RegisterWorkflowWithOptions(think, workflow.RegisterOptions{Name: "Think"})
	require.NoError(t, own.Start())
	t.Cleanup(own.Stop)

	w.Text(ana, "hello")
	w.Eventually("it answers", func() bool {
		transcript := w.State(ana).Transcript
		return len(transcript) == 2 && transcript[1].Text == "After some thought: hello" && transcript[1].Status == sms.StatusAccepted
	})
	require.NotZero(t, w.State(ana).Run, "the conversation continued as new meanwhile")
	require.Nil(t, w.State(ana).Turn)
}
