package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A server is a handler and where it listens.
type server struct {
	name    string
	setting string // the variable that says where
	addr    string
	handler http.Handler
}

// patience is how long a client may take. Callbacks are small and come from a
// machine, so who is slow here is broken, or wants to keep us busy.
type patience struct {
	header, read, write, idle time.Duration // write counts from the end of the header
}

const readTimeout = 10 * time.Second

var usualPatience = patience{header: 5 * time.Second, read: readTimeout, write: readTimeout + temporalTimeout + 5*time.Second, idle: 2 * time.Minute}

const (
	shutdownTimeout = 10 * time.Second
	longestHeader   = 16 << 10
)

// listen opens all listeners, or none.
func listen(ctx context.Context, servers []server) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, s := range servers {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("%s is in use by another program: end that one, or set %s", s.addr, s.setting)
			}
			return nil, fmt.Errorf("listening where %s says: %w", s.setting, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// serve serves until the context ends. Then it says so with leave, and goes on
// for the delay, in which those who balance load may find another one; after that
// it lets requests that have begun end. It closes the listeners.
func (p patience) serve(ctx context.Context, log *slog.Logger, servers []server, listeners []net.Listener, leave func(), delay time.Duration) error {
	served := make(chan error, len(servers))
	var https []*http.Server
	for i, s := range servers {
		h := &http.Server{
			Handler:           s.handler,
			ReadHeaderTimeout: p.header,
			ReadTimeout:       p.read,
			WriteTimeout:      p.write,
			IdleTimeout:       p.idle,
			MaxHeaderBytes:    longestHeader,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		https = append(https, h)
		go func() { served <- h.Serve(listeners[i]) }()
		log.Info("listening", "for", s.name, "address", listeners[i].Addr().String())
	}

	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		log.Info("stopping", "at_most", (delay + shutdownTimeout).String())
		leave()
		select {
		case err = <-served:
			err = fmt.Errorf("serving: %w", err)
		case <-time.After(delay):
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, h := range https {
		if wrong := h.Shutdown(ending); wrong != nil {
			err = errors.Join(err, fmt.Errorf("stopping: %w", wrong))
		}
	}
	return err
}
