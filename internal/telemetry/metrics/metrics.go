package metrics

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Metrics are where a process counts and measures. Labels must come from small
// fixed sets: never a number, a text, a reference or an id.
type Metrics struct {
	Meter    metric.Meter          // for what we count ourselves
	Temporal client.MetricsHandler // for the SDK, and for workflow.GetMetricsHandler
}

// None counts nothing.
func None() Metrics {
	return Metrics{Meter: noop.Meter{}, Temporal: client.MetricsNopHandler}
}

// New returns metrics, and the page on which Prometheus reads them.
func New(log *slog.Logger) (Metrics, http.Handler, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return Metrics{}, nil, fmt.Errorf("preparing metrics: %w", err)
	}
	provider := sdk.NewMeterProvider(
		sdk.WithReader(reader),
		sdk.WithView(durations),
		// The default one reads the process's environment, which is for settings to read.
		sdk.WithResource(resource.Empty()),
	)
	m := Metrics{Meter: provider.Meter("parley")}
	m.Temporal = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                m.Meter,
		UseMonotonicCounters: true, // else Prometheus takes the SDK's counters for gauges
		OnError:              func(err error) { log.Warn("a metric is not counted", "error", err) },
	})
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // one metric that is wrong does not hide the others
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
	return m, page, nil
}

// durations gives all that is measured in seconds buckets from the time of an
// answer to that of a conversation. The library's own are for milliseconds.
var durations = sdk.NewView(
	sdk.Instrument{Kind: sdk.InstrumentKindHistogram, Unit: "s"},
	sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{
		Boundaries: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400},
	}},
)
