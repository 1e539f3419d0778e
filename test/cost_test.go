package test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"parley/conversation/wire"
	"parley/internal/stack"
	"parley/sinch/sinchtest"
)

// actions reads what the server counts as billable, in all and by type, once
// the server has brought its figures up to date, which takes it some seconds.
func (w *world) actions() (total float64, byType map[string]float64) {
	w.T.Helper()
	last, same := -1.0, 0
	w.Eventually("the figures stand still", func() bool {
		var err error
		byType, err = stack.Actions(w.Ctx(), w.Metrics, w.Namespace)
		require.NoError(w.T, err)
		total = 0
		for _, n := range byType {
			total += n
		}
		if same++; total != last {
			last, same = total, 1
		}
		if same < 3 {
			time.Sleep(2 * time.Second)
		}
		return same == 3
	})
	return total, byType
}

// events counts the history events of a workflow's current run.
func (w *world) events(id string) int {
	w.T.Helper()
	n := 0
	for history := w.Temporal.GetWorkflowHistory(w.Ctx(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); n++ {
		_, err := history.Next()
		require.NoError(w.T, err)
	}
	return n
}

// quiet waits until all receipts of what was sent have reached the conversation.
func (w *world) quiet() {
	w.T.Helper()
	require.NoError(w.T, w.Sim.WaitFor(w.Ctx(), func() bool {
		for _, m := range w.Sim.Sent() {
			if m.Status != sinchtest.Delivered {
				return false
			}
		}
		return w.Sim.Stats().Open == 0
	}))
	w.Eventually("every receipt is taken", func() bool {
		state := w.State(ana)
		if len(state.Outbox) > 0 {
			return false
		}
		for _, m := range state.Transcript {
			if m.Key != "" && m.Status != "delivered" {
				return false
			}
		}
		return true
	})
}

// What a turn may cost, as the server counts it.
func TestCostOfATurn(t *testing.T) {
	t.Parallel()

	const turns = 10
	w := newWorld(t)
	id := wire.ID(ana, "")

	w.Text(ana, "warm up")
	w.Receives(ana, youSaid("warm up"))
	w.quiet()
	before, kinds := w.actions()
	events := w.events(id)
	queries := kinds["grpc_QueryWorkflow"]
	for i := range turns {
		w.Text(ana, "text "+strconv.Itoa(i))
		w.Receives(ana, youSaid("text "+strconv.Itoa(i)))
	}
	w.quiet()
	after, kinds := w.actions()
	perTurn := (after - before - (kinds["grpc_QueryWorkflow"] - queries)) / turns
	eventsPerTurn := float64(w.events(id)-events) / turns
	t.Logf("a responder turn: %.1f actions, %.1f events (%v)", perTurn, eventsPerTurn, kinds)
	require.InDelta(t, 4, perTurn, 0.05, "signal, responder, send, receipt: %v", kinds)
	require.LessOrEqual(t, eventsPerTurn, 20.0)

	// A question that is not understood is asked again: a turn with everything
	// that a question costs.
	w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.quiet()
	before, kinds = w.actions()
	queries = kinds["grpc_QueryWorkflow"]
	events = w.events(id) + w.events("appointment:A-17")
	const questions = 2
	for n := range questions {
		w.Text(ana, "blue")
		w.Eventually("asked again", func() bool { return len(w.Sim.Phone(ana).Messages()) == 2*(turns+1)+1+2*(n+1) })
	}
	w.quiet()
	after, kinds = w.actions()
	perQuestion := (after - before - (kinds["grpc_QueryWorkflow"] - queries)) / questions
	eventsPerQuestion := float64(w.events(id)+w.events("appointment:A-17")-events) / questions
	t.Logf("a script's question: %.1f actions, %.1f events", perQuestion, eventsPerQuestion)
	require.LessOrEqual(t, perQuestion, 7.0)
	// 30 with the final receipt alone. A message with a reference gets one more, which
	// has a workflow task to itself, or shares one, as busy as the machine is: 28.5 to 31.5.
	require.LessOrEqual(t, eventsPerQuestion, 34.0)
}
