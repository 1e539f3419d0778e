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

	"parley/internal/health"
)

// Off is the address that stands for no metrics.
const Off = "off"

// How long a reader may take: Prometheus itself gives up after ten seconds.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Serve counts, and shows it at address as GET /metrics until stop is called;
// beside it the probes are answered, for a program that has no other door. An
// empty address means the usual one, which may belong to somebody else, such as a
// second worker on this machine: then nothing is counted and the log says so. An
// address that was asked for has to be had.
func Serve(ctx context.Context, log *slog.Logger, address, usual string, ready *health.Readiness) (m Metrics, stop func(), err error) {
	nothing := func() {}
	if strings.EqualFold(address, Off) {
		return None(), nothing, nil
	}
	listener, err := listen(ctx, address, usual)
	switch {
	case err != nil && address != "":
		return Metrics{}, nothing, err
	case err != nil:
		log.Warn("going on without metrics", "error", err)
		return None(), nothing, nil
	}
	m, page, err := New(log)
	if err != nil {
		_ = listener.Close()
		return Metrics{}, nothing, err
	}
	return m, serve(log, listener, page, ready), nil
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
