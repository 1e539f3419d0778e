package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// A Script is a workflow that can be started by name: by the command line, by a
// responder, by another program.
type Script struct {
	Name string
	Run  any
}

// Scripts are all there are. A new script is its file and one line here.
var Scripts = []Script{
	{"AppointmentConfirmation", AppointmentConfirmation},
	{"Feedback", Feedback},
}

// Register adds the scripts to a worker.
func Register(r worker.Registry) {
	for _, s := range Scripts {
		r.RegisterWorkflowWithOptions(s.Run, workflow.RegisterOptions{Name: s.Name})
	}
}

// Names lists the scripts that can be started.
func Names() []string {
	names := make([]string, len(Scripts))
	for i, s := range Scripts {
		names[i] = s.Name
	}
	return names
}
