package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// counts are the webhook's own metrics.
type counts struct {
	callbacks metric.Int64Counter
	seconds   metric.Float64Histogram
	requests  metric.Int64Counter
}

func newCounts(m metric.Meter) (c counts, err error) {
	if c.callbacks, err = m.Int64Counter("parley_callbacks", metric.WithDescription("Callbacks of Sinch, by what became of them.")); err != nil {
		return counts{}, fmt.Errorf("preparing metrics: %w", err)
	}
	if c.requests, err = m.Int64Counter("parley_message_requests", metric.WithDescription("Requests of other programs, by what became of them.")); err != nil {
		return counts{}, fmt.Errorf("preparing metrics: %w", err)
	}
	c.seconds, err = m.Float64Histogram("parley_callback_acknowledgement", metric.WithUnit("s"),
		metric.WithDescription("How long Sinch waited for the answer to a callback."))
	if err != nil {
		return counts{}, fmt.Errorf("preparing metrics: %w", err)
	}
	return c, nil
}

// callback counts one that was answered after so long. Sinch's own words never
// become a label: the kind is one that package sinch knows, and the rest is ours.
func (c counts) callback(ctx context.Context, e ending, took time.Duration) {
	result := attribute.String("result", e.result)
	c.callbacks.Add(ctx, 1, metric.WithAttributes(attribute.String("kind", cmp.Or(e.kind, "other")), result, attribute.String("reason", e.reason)))
	c.seconds.Record(ctx, took.Seconds(), metric.WithAttributes(result))
}

// request counts one to the API.
func (c counts) request(ctx context.Context, result string) {
	c.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}
