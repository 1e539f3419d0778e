// Package tracing makes the spans of a text's way: the callback, the responder's
// work, the attempt to send, the requests to others. They hold no number, text or
// secret: their attributes are few, and ours.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"parley/internal/telemetry"
	"parley/sms"
)

// Traces is where a process's spans go; the zero Traces are none.
type Traces struct {
	tracer trace.Tracer
	flush  func(context.Context) error
	stop   func(context.Context) error
}

// stopTimeout is how long the end of a process waits for its last spans to leave.
const stopTimeout = 3 * time.Second

// Start sends spans where the environment says, as OpenTelemetry's specification
// has it: OTEL_EXPORTER_OTLP_ENDPOINT and its like, with OTEL_TRACES_SAMPLER. The
// exporter reads these from the process itself. If env names no endpoint, there
// are no spans.
func Start(ctx context.Context, log *slog.Logger, env map[string]string, service string) (Traces, error) {
	if !telemetry.Exports(env, "TRACES") {
		return Traces{}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return Traces{}, fmt.Errorf("preparing traces, see OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	log.Info("sending traces", "service", service)
	return with(exporter, service), nil
}

func with(exporter sdk.SpanExporter, service string) Traces {
	ours := resource.NewSchemaless(semconv.ServiceName(service))
	described, err := resource.Merge(ours, resource.Environment()) // so that OTEL_SERVICE_NAME goes first
	if err != nil {
		described = ours
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return Traces{tracer: provider.Tracer("parley"), flush: provider.ForceFlush, stop: provider.Shutdown}
}

func (t Traces) to() trace.Tracer {
	if t.tracer == nil {
		return noop.Tracer{}
	}
	return t.tracer
}

// Flush sends what there is now, for a process that may be frozen any moment.
func (t Traces) Flush(ctx context.Context) {
	if t.flush != nil {
		_ = t.flush(ctx) // spans may be lost, work may not
	}
}

// Stop sends what there is and ends.
func (t Traces) Stop() {
	if t.stop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = t.stop(ctx)
}

// Begin begins the span of a request from outside. The caller's trace is only
// linked to: anybody may send us one.
func (t Traces) Begin(ctx context.Context, name string, header http.Header) (context.Context, Span) {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot()}
	theirs := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(header)))
	if theirs.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: theirs}))
	}
	ctx, span := t.to().Start(ctx, name, options...)
	return ctx, Span{span}
}

// A Span is a piece of work in a trace.
type Span struct{ span trace.Span }

// Current is the span that ctx belongs to.
func Current(ctx context.Context) Span { return Span{trace.SpanFromContext(ctx)} }

// Set adds attributes: names and values in turn. Numbers in them are masked.
func (s Span) Set(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			s.span.SetAttributes(attribute.String(pairs[i], sms.Mask(pairs[i+1])))
		}
	}
}

// End ends it.
func (s Span) End() { s.span.End() }

// Transport makes a span of each request. Its URL stays out, since a token may be
// part of it.
func (t Traces) Transport(name string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			ctx, span := t.to().Start(r.Context(), name+" "+r.Method, trace.WithSpanKind(trace.SpanKindClient))
			defer span.End()
			response, err := next.RoundTrip(r.WithContext(ctx))
			switch {
			case err != nil:
				span.SetStatus(codes.Error, "no answer")
			default:
				span.SetAttributes(semconv.HTTPResponseStatusCode(response.StatusCode))
				if response.StatusCode >= http.StatusBadRequest {
					span.SetStatus(codes.Error, http.StatusText(response.StatusCode))
				}
			}
			return response, err
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Activities makes a span of each activity that belongs to a trace.
func (t Traces) Activities() interceptor.WorkerInterceptor { return &activities{tracer: t.to()} }

type activities struct {
	interceptor.WorkerInterceptorBase
	tracer trace.Tracer
}

func (a *activities) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, tracer: a.tracer}
}

type activityInbound struct {
	interceptor.ActivityInboundInterceptorBase
	tracer trace.Tracer
}

func (a *activityInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return a.Next.ExecuteActivity(ctx, in)
	}
	info := activity.GetInfo(ctx)
	ctx, span := a.tracer.Start(ctx, info.ActivityType.Name, trace.WithAttributes(
		attribute.Int("temporal.attempt", int(info.Attempt)),
		attribute.String("temporal.run_id", info.WorkflowExecution.RunID),
	))
	defer span.End()
	result, err := a.Next.ExecuteActivity(ctx, in)
	if err != nil {
		span.SetStatus(codes.Error, kind(err))
	}
	return result, err
}

// kind is an error's type. Its text may be the user's own, and repeat a contact's.
func kind(err error) string {
	if failed, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return failed.Type()
	}
	return fmt.Sprintf("%T", err)
}
