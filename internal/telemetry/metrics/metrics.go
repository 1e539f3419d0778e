package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Metrics are where a process counts and measures. Labels must come from small
// fixed sets: never a number, a text, a reference or an id.
type Metrics struct {
	Meter    metric.Meter          // for what we count ourselves
	Temporal client.MetricsHandler // for the SDK, and for workflow.GetMetricsHandler

	flush func(context.Context) error
	stop  func(context.Context) error
}

// Flush sends what is sent away now, for a process that may be frozen any moment.
func (m Metrics) Flush(ctx context.Context) {
	if m.flush != nil {
		_ = m.flush(ctx) // figures may be lost, work may not
	}
}

// stopTimeout is how long the end of a process waits for its last figures to leave.
const stopTimeout = 3 * time.Second

func (m Metrics) end() {
	if m.stop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = m.stop(ctx)
}

// None counts nothing.
func None() Metrics {
	return Metrics{Meter: noop.Meter{}, Temporal: client.MetricsNopHandler}
}

// page returns what Prometheus reads, and the reader that fills it.
func page(log *slog.Logger) (http.Handler, sdk.Reader, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, nil, fmt.Errorf("preparing metrics: %w", err)
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // one metric that is wrong does not hide the others
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}), reader, nil
}

// New counts, and returns the page that shows it, for whoever has a server.
func New(log *slog.Logger, service string) (Metrics, http.Handler, error) {
	shown, reader, err := page(log)
	if err != nil {
		return Metrics{}, nil, err
	}
	return collect(log, service, []sdk.Reader{reader}), shown, nil
}

// push returns a reader that sends metrics where OTEL_EXPORTER_OTLP_ENDPOINT and
// its like say; the exporter reads these from the process itself.
func push(ctx context.Context) (sdk.Reader, error) {
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing metrics, see OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	return sdk.NewPeriodicReader(exporter), nil // each OTEL_METRIC_EXPORT_INTERVAL
}

// collect counts for the readers. Those who are sent metrics know by the name of
// the service, and by a number of this process, whose they are.
func collect(log *slog.Logger, service string, readers []sdk.Reader) Metrics {
	ours := resource.NewSchemaless(semconv.ServiceName(service), semconv.ServiceInstanceID(uuid.NewString()))
	described, err := resource.Merge(ours, resource.Environment()) // so that OTEL_SERVICE_NAME goes first
	if err != nil {
		described = ours
	}
	options := []sdk.Option{sdk.WithView(durations), sdk.WithResource(described)}
	for _, reader := range readers {
		options = append(options, sdk.WithReader(reader))
	}
	provider := sdk.NewMeterProvider(options...)
	m := Metrics{Meter: provider.Meter("parley"), flush: provider.ForceFlush, stop: provider.Shutdown}
	m.Temporal = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                m.Meter,
		UseMonotonicCounters: true, // else Prometheus takes the SDK's counters for gauges
		OnError:              func(err error) { log.Warn("a metric is not counted", "error", err) },
	})
	return m
}

// durations gives all that is measured in seconds buckets from the time of an
// answer to that of a conversation. The library's own are for milliseconds.
var durations = sdk.NewView(
	sdk.Instrument{Kind: sdk.InstrumentKindHistogram, Unit: "s"},
	sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{
		Boundaries: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400},
	}},
)
