package histories

import (
	"reflect"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Fields are the names that stand in JSON for a field of one of our types, true
// for a length of time. Any other name may be a person's, as in a map.
type Fields map[string]bool

// Of adds the fields of a type and of all that it is made of.
func (f Fields) Of(t reflect.Type) { f.of(t, map[reflect.Type]bool{}) }

func (f Fields) of(t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if (field.IsExported() || field.Anonymous) && name != "-" {
			f[name] = f[name] || isDuration(field.Type)
			f.of(field.Type, seen)
		}
	}
}

func isDuration(t reflect.Type) bool {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t == reflect.TypeFor[time.Duration]()
}

// A Registry is where a worker registers its work. It learns the fields of what
// goes into that and what comes out.
type Registry struct {
	worker.NexusServiceRegistry // nil: no service is registered

	Fields Fields
}

// RegisterWorkflow implements worker.Registry.
func (r Registry) RegisterWorkflow(w any) { r.function(reflect.TypeOf(w)) }

// RegisterWorkflowWithOptions implements worker.Registry.
func (r Registry) RegisterWorkflowWithOptions(w any, _ workflow.RegisterOptions) {
	r.function(reflect.TypeOf(w))
}

// RegisterDynamicWorkflow implements worker.Registry. Its input has no type.
func (r Registry) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {}

// RegisterActivity implements worker.Registry.
func (r Registry) RegisterActivity(a any) {
	t := reflect.TypeOf(a)
	r.function(t)
	for method := range t.Methods() {
		r.function(method.Type)
	}
}

// RegisterActivityWithOptions implements worker.Registry.
func (r Registry) RegisterActivityWithOptions(a any, _ activity.RegisterOptions) {
	r.RegisterActivity(a)
}

// RegisterDynamicActivity implements worker.Registry. Its input has no type.
func (r Registry) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}

func (r Registry) function(t reflect.Type) {
	if t.Kind() != reflect.Func {
		return
	}
	for in := range t.Ins() {
		r.Fields.Of(in)
	}
	for out := range t.Outs() {
		r.Fields.Of(out)
	}
}
