package engine

import (
	"slices"

	"go.temporal.io/sdk/workflow"
)

// flights are all that this run waits for, each with what happens when it lands.
// The server drops signals of a closed sender and results of its activities, so
// no run ends before all have landed.
type flights struct{ inTheAir []*flight }

type flight struct {
	name   string
	future workflow.Future
	landed func(workflow.Future)
}

// The names of flights that are asked for, or of which there is one at a time.
const (
	flightSend   = "send"
	flightThink  = "think" // the responder
	flightStart  = "start a script"
	flightCheck  = "check a script"
	flightAnswer = "answer a script"
	flightStore  = "archive"
	flightRecall = "recall"
	flightLift   = "lift a suppression"
)

// launch has landed called with the future once that is ready.
func (f *flights) launch(name string, future workflow.Future, landed func(workflow.Future)) {
	f.inTheAir = append(f.inTheAir, &flight{name, future, landed})
}

// flying reports whether a flight of that name is in the air.
func (f *flights) flying(name string) bool {
	return slices.ContainsFunc(f.inTheAir, func(x *flight) bool { return x.name == name })
}

// none reports whether nothing is in the air.
func (f *flights) none() bool { return len(f.inTheAir) == 0 }

// await adds all flights to what is waited for.
func (f *flights) await(s workflow.Selector) {
	for _, x := range f.inTheAir {
		s.AddFuture(x.future, func(future workflow.Future) {
			f.inTheAir = slices.DeleteFunc(f.inTheAir, func(y *flight) bool { return y == x })
			x.landed(future)
		})
	}
}
