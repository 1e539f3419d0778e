package wire

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// A trace leads from a callback through its conversation to what that does about
// it. It travels as W3C's traceparent: in the envelope of an event, in the state
// while something waits, in the header of an activity, and in a script's answer.
// A conversation takes up hundreds of events, so it has no span of its own.

// traceparent is W3C's name of the header, and ours.
const traceparent = "traceparent"

// TraceOf returns the trace that ctx belongs to; empty if nobody watches.
func TraceOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparent]
}

// Traced is a context whose activities belong to the trace.
func Traced(ctx workflow.Context, parent string) workflow.Context {
	if parent == "" {
		return ctx
	}
	return workflow.WithValue(ctx, traceKey{}, parent)
}

type traceKey struct{}

// Traces makes activities part of the trace of what caused them. It belongs into
// the options of every client that a worker is made of.
func Traces() workflow.ContextPropagator { return traces{} }

type traces struct{}

// InjectFromWorkflow writes the header of an activity.
func (traces) InjectFromWorkflow(ctx workflow.Context, w workflow.HeaderWriter) error {
	parent, ok := ctx.Value(traceKey{}).(string)
	if !ok {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(parent)
	if err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	w.Set(traceparent, payload)
	return nil
}

// Extract reads the header of an activity. One that cannot be read is none.
func (traces) Extract(ctx context.Context, r workflow.HeaderReader) (context.Context, error) {
	payload, ok := r.Get(traceparent)
	if !ok {
		return ctx, nil
	}
	var parent string
	if converter.GetDefaultDataConverter().FromPayload(payload, &parent) != nil {
		return ctx, nil
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: parent}), nil
}

// Inject does nothing: events carry their trace in their envelope.
func (traces) Inject(context.Context, workflow.HeaderWriter) error { return nil }

// ExtractToWorkflow does nothing: a conversation belongs to no trace.
func (traces) ExtractToWorkflow(ctx workflow.Context, _ workflow.HeaderReader) (workflow.Context, error) {
	return ctx, nil
}
