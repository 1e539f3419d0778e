package engine

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

// answering is an outcome on its way to a script.
type answering struct {
	script  wire.ScriptRef
	id      string // of what it asked
	outcome wire.Outcome
	text    *wire.Text // used up by the answer, unless the script turns out to be gone
	step    step
}

// A step on the way of an outcome to a script. The run that asked is signalled
// first: another run of the same id would swallow the contact's words. Only if
// that run is closed, it is asked whether the script goes on in another run, as
// after a reset.
type step int

const (
	toTheRun step = iota
	doesItRun
	toItsSuccessor
)

// answers bring outcomes to scripts.
type answers struct {
	*run
	onTheirWay []*answering
}

// offering reports whether a text is on its way to a script as its answer.
func (a *answers) offering() bool {
	return slices.ContainsFunc(a.onTheirWay, func(x *answering) bool { return x.text != nil })
}

// pending reports whether the outcome of what has this id is on its way.
func (a *answers) pending(id string) bool {
	return slices.ContainsFunc(a.onTheirWay, func(x *answering) bool { return x.id == id })
}

// scripts are the types of those to whom a text is on its way.
func (a *answers) scripts() []string {
	var types []string
	for _, x := range a.onTheirWay {
		if x.text != nil {
			types = append(types, x.script.Type)
		}
	}
	return types
}

// tell signals an outcome to the script's run.
func (a *answers) tell(script wire.ScriptRef, id string, o wire.Outcome, text *wire.Text) {
	o.Schema, o.Epoch = wire.OutcomeSchema, a.floor.epoch()
	if text != nil {
		o.Trace = text.Trace
	}
	x := &answering{script: script, id: id, outcome: o, text: text}
	a.send(x, a.signal(x, script.RunID))
}

// send waits for the next step on the way of an outcome.
func (a *answers) send(x *answering, step workflow.Future) {
	a.onTheirWay = append(a.onTheirWay, x)
	a.launch(flightAnswer, step, func(f workflow.Future) {
		a.onTheirWay = slices.DeleteFunc(a.onTheirWay, func(y *answering) bool { return y == x })
		a.onAnswered(x, f)
	})
}

func (a *answers) signal(x *answering, runID string) workflow.Future {
	if uuid.Validate(runID) != nil {
		runID = "" // written by hand: the server would fail our task for ever
	}
	return workflow.SignalExternalWorkflow(a.ctx, x.script.WorkflowID, runID, wire.AnswerSignal+x.id, x.outcome)
}

// onAnswered gives the floor to the script that was answered. If the script is
// gone, the contact's text is not used up.
func (a *answers) onAnswered(x *answering, f workflow.Future) {
	var runs bool
	switch {
	case x.step == toTheRun && f.Get(a.ctx, nil) != nil:
		x.step = doesItRun
		a.send(x, a.runs(x.script))
		return
	case x.step == doesItRun && f.Get(a.ctx, &runs) == nil && runs:
		x.step = toItsSuccessor
		a.send(x, a.signal(x, ""))
		return
	case x.step != doesItRun && f.Get(a.ctx, nil) == nil:
		if x.text != nil {
			a.count(metricHandled, "by", byScript)
		}
		if x.text != nil && !a.consent.out() && a.floor.person() == "" {
			a.floor.give(wire.Scripted(x.script), time.Time{})
		}
		return
	}
	if x.step != doesItRun || f.Get(a.ctx, &runs) == nil { // else nobody could say: it asks again if it runs
		a.questions.withdraw(func(q wire.PendingQuestion) bool { return q.Script == x.script })
	}
	if x.text != nil && !a.consent.out() {
		a.inbox.again(*x.text)
	}
}

// runs asks the server whether a script still runs.
func (a *answers) runs(script wire.ScriptRef) workflow.Future {
	ctx := workflow.WithActivityOptions(a.ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
		Summary:             "does the script still run?",
	})
	return workflow.ExecuteActivity(ctx, wire.ScriptRunsActivity, script)
}
