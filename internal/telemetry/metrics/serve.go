package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"

	"parley/internal/health"
	"parley/internal/telemetry"
)

// Off is the address that stands for no metrics.
const Off = "off"

// How long a reader may take: Prometheus itself gives up after ten seconds.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Options say who counts, and where it is seen.
type Options struct {
	Service string // what the figures are about, for those who are sent them
	Address string // as set; empty: the usual one, or nowhere if that is in use
	Usual   string
	Ready   *health.Readiness
	Env     map[string]string // says whether figures are sent away, and the exporter where to
}

// Serve counts, and shows it as GET /metrics until stop is called; beside it the
// probes are answered, for a program that has no other door. The usual address may
// belong to somebody else, such as a second worker on this machine: then nothing
// is shown and the log says so. An address that was asked for has to be had.
func Serve(ctx context.Context, log *slog.Logger, o Options) (m Metrics, stop func(), err error) {
	if telemetry.Exports(o.Env, "METRICS") || telemetry.Exports(o.Env, "TRACES") {
		logExporting(log)
	}
	nothing := func() {}
	var readers []sdk.Reader
	closing := nothing
	if !strings.EqualFold(o.Address, Off) {
		listener, err := listen(ctx, o.Address, o.Usual)
		switch {
		case err != nil && o.Address != "":
			return Metrics{}, nothing, err
		case err != nil:
			log.Warn("going on without metrics", "error", err)
		default:
			shown, reader, err := page(log)
			if err != nil {
				_ = listener.Close()
				return Metrics{}, nothing, err
			}
			readers = append(readers, reader)
			closing = serve(log, listener, shown, o.Ready)
		}
	}
	if telemetry.Exports(o.Env, "METRICS") {
		reader, err := push(ctx)
		if err != nil {
			closing()
			return Metrics{}, nothing, err
		}
		log.Info("sending metrics", "service", o.Service)
		readers = append(readers, reader)
	}
	if len(readers) == 0 {
		return None(), nothing, nil
	}
	m = collect(log, o.Service, readers)
	return m, func() { m.end(); closing() }, nil
}

func listen(ctx context.Context, address, usual string) (net.Listener, error) {
	if address == "" {
		address = usual
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: end that one, or set PARLEY_METRICS_ADDR to another address or to off", address)
	case err != nil:
		return nil, fmt.Errorf("listening on %s, see PARLEY_METRICS_ADDR: %w", address, err)
	}
	return listener, nil
}

// serve does not wait for readers when it stops: the next page has it all again.
func serve(log *slog.Logger, listener net.Listener, page http.Handler, ready *health.Readiness) (stop func()) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", page)
	mux.HandleFunc("GET /healthz", ready.Healthz)
	mux.HandleFunc("GET /readyz", ready.Readyz)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("listening", "for", "metrics", "address", listener.Addr().String())
	go func() {
		// Work goes on without metrics.
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "error", err)
		}
	}()
	return func() { _ = server.Close() }
}
