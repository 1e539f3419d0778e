package workflows

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// A Script is a workflow that can be started by name: by the command line, by a
// responder, by another program.
type Script struct {
	Name string
	Run  any
}

// Input is the type of what the script takes besides its context; nil if nothing.
func (s Script) Input() reflect.Type {
	run := reflect.TypeOf(s.Run)
	if run.NumIn() < 2 {
		return nil
	}
	return run.In(1)
}

// Scripts are all there are. A new script is its file and one line here.
var Scripts = []Script{
	{"AppointmentConfirmation", AppointmentConfirmation},
	{"Feedback", Feedback},
}

// InputOf is the Input of the script of that name, if there is one.
func InputOf(name string) (kind reflect.Type, ok bool) {
	i := slices.IndexFunc(Scripts, func(s Script) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return Scripts[i].Input(), true
}

// Check says what is wrong with an input before the script of that name is
// started with it.
func Check(name string, input json.RawMessage) error {
	kind, ok := InputOf(name)
	if !ok {
		return fmt.Errorf("there is no script %q", name)
	}
	if kind == nil {
		return nil
	}
	value := reflect.New(kind)
	if err := json.Unmarshal(input, value.Interface()); err != nil {
		return fmt.Errorf("the input does not suit %s: %w", name, err)
	}
	if checked, ok := reflect.TypeAssert[interface{ Check() error }](value); ok {
		if err := checked.Check(); err != nil {
			return fmt.Errorf("the input does not suit %s: %w", name, err)
		}
	}
	return nil
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
