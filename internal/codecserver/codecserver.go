// Package codecserver lets Temporal's UI and command line show what is encrypted: it
// decrypts payloads for those who may read them. It does not know where keys and
// settings come from.
package codecserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/encryption"
)

// Settings say who may read what.
type Settings struct {
	Tokens     []string // of those who may read; 16 characters or more
	Origins    []string // of Temporal's UI: pages from elsewhere may not ask
	Namespaces []string // whose payloads are decrypted
}

const (
	shortestToken = 16
	shutdownTime  = 5 * time.Second
	readTime      = 10 * time.Second
	writeTime     = 20 * time.Second
	idleTime      = 2 * time.Minute
	mostHeader    = 16 << 10
)

// New returns a server that decrypts with the keys. Its error names all settings that
// are wrong.
func New(log *slog.Logger, keys *encryption.Keys, settings Settings) (*Server, error) {
	s := &Server{log: log, codec: encryption.Codec{Keys: keys}, namespaces: settings.Namespaces, secure: len(settings.Origins) > 0}
	for _, token := range settings.Tokens {
		s.tokens.Add(token)
	}
	var errs []error
	if len(settings.Tokens) == 0 || slices.ContainsFunc(settings.Tokens, func(t string) bool { return len(t) < shortestToken }) {
		errs = append(errs, fmt.Errorf("set PARLEY_CODEC_TOKEN to %d characters or more that nobody can guess: whoever has them reads all texts", shortestToken))
	}
	for _, origin := range settings.Origins {
		u, err := url.Parse(strings.TrimSpace(origin))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			errs = append(errs, errors.New("set PARLEY_CODEC_ORIGIN to where Temporal's UI is, without a path: http://127.0.0.1:8233"))
			break
		}
		s.origins = append(s.origins, u.Scheme+"://"+strings.ToLower(u.Host))
		s.secure = s.secure && u.Scheme == "https"
	}
	s.prepare()
	return s, errors.Join(errs...)
}

// Serve answers what comes in until ctx ends.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: readTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.log.Info("listening", "for", "payloads to decrypt", "address", listener.Addr().String(), "namespaces", strings.Join(s.namespaces, ","), "origins", strings.Join(s.origins, ","))
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return server.Shutdown(ending)
}
