package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/sdk/contrib/envconfig"

	"parley/internal/encryption"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
)

// newKeyCmd makes a key to encrypt with.
type newKeyCmd struct {
	ID string `name:"id" placeholder:"ID" help:"Its id, which payloads name it by; a word that no other key had or will have. Default: today's date."`
}

// Help is the long help.
func (*newKeyCmd) Help() string {
	return `Prints a new entry for PARLEY_ENCRYPTION_KEYS. It is printed once and kept
nowhere. Who loses it loses what it encrypted.`
}

// Run prints a key.
func (c *newKeyCmd) Run(a *app) error {
	id := c.ID
	if id == "" {
		id = time.Now().In(a.zone).Format(time.DateOnly)
	}
	entry, err := encryption.NewKey(id)
	if err != nil {
		return usagef("--id %q: %v", id, err)
	}
	return a.print(newKey{Entry: entry})
}

type newKey struct {
	Entry string `json:"entry"`
}

func (k newKey) text(w io.Writer, _ *time.Location) { fmt.Fprintln(w, k.Entry) }

// codecServerCmd lets Temporal's UI and command line show what is encrypted.
type codecServerCmd struct {
	Addr       string            `default:"127.0.0.1:8082" env:"PARLEY_CODEC_ADDR" placeholder:"HOST:PORT" help:"Where it listens. Default: ${default}."`
	Token      []settings.Secret `env:"PARLEY_CODEC_TOKEN" placeholder:"TOKEN" help:"What callers show as 'Authorization: Bearer TOKEN', and people on the page to sign in. Several are accepted, one for each person; 16 characters or more."`
	Origin     []string          `env:"PARLEY_CODEC_ORIGIN" placeholder:"URL" help:"Where Temporal's UI is, such as http://127.0.0.1:8233: only pages from there may ask. Default: none may."`
	Namespaces []string          `env:"PARLEY_CODEC_NAMESPACES" placeholder:"NAME" help:"Namespaces whose payloads are decrypted. Default: the one of TEMPORAL_NAMESPACE."`

	settings.Log `embed:"" group:"Log"`
}

// Help is the long help.
func (*codecServerCmd) Help() string {
	return `Decrypts payloads for those who may read them. It encrypts nothing.

  temporal workflow show -w … --codec-endpoint http://127.0.0.1:8082 --codec-auth "Bearer $PARLEY_CODEC_TOKEN"

For Temporal's UI, name its origin with --origin, give the UI this server's URL as
its codec endpoint, with credentials included, and sign in on this server's own
page, GET /. Both must have the same host name, as 127.0.0.1 has on two ports:
browsers send the cookie to no other site.`
}

const (
	shortestToken   = 16
	codecShutdown   = 5 * time.Second
	codecReads      = 10 * time.Second
	codecWrites     = 20 * time.Second
	codecIdles      = 2 * time.Minute
	codecMostHeader = 16 << 10
)

// Run serves until it is told to stop.
func (c *codecServerCmd) Run(ctx context.Context, a *app) error {
	log := c.Logger(a.stderr)
	kept, err := parameters.Open(log, noop.Meter{})
	if err != nil {
		return err
	}
	ring := a.KeyRing(kept)
	if ring == nil {
		return errors.New("set PARLEY_ENCRYPTION_KEYS, or PARLEY_ENCRYPTION_KEYS_PARAM, as for the workers: there is nothing to decrypt with")
	}
	keys, err := encryption.Open(log, ring)
	if err != nil {
		return err
	}
	if err := keys.Known(ctx); err != nil {
		return err
	}
	handler, err := c.handler(log, keys, a.env)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program: end that one, or set PARLEY_CODEC_ADDR", c.Addr)
	}
	if err != nil {
		return fmt.Errorf("listening where PARLEY_CODEC_ADDR says: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: codecReads, ReadTimeout: codecReads, WriteTimeout: codecWrites, IdleTimeout: codecIdles,
		MaxHeaderBytes: codecMostHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("listening", "for", "payloads to decrypt", "address", listener.Addr().String(), "namespaces", strings.Join(handler.namespaces, ","), "origins", strings.Join(handler.origins, ","))
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), codecShutdown)
	defer cancel()
	return server.Shutdown(ending)
}

// handler checks the settings.
func (c *codecServerCmd) handler(log *slog.Logger, keys *encryption.Keys, env settings.Env) (*codecServer, error) {
	s := &codecServer{log: log, codec: encryption.Codec{Keys: keys}, secure: len(c.Origin) > 0}
	written := settings.Reveal(c.Token)
	for _, token := range written {
		s.tokens.Add(token)
	}
	var errs []error
	if len(written) == 0 || slices.ContainsFunc(written, func(t string) bool { return len(t) < shortestToken }) {
		errs = append(errs, fmt.Errorf("set PARLEY_CODEC_TOKEN to %d characters or more that nobody can guess: whoever has them reads all texts", shortestToken))
	}
	for _, origin := range c.Origin {
		u, err := url.Parse(strings.TrimSpace(origin))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			errs = append(errs, errors.New("set PARLEY_CODEC_ORIGIN to where Temporal's UI is, without a path: http://127.0.0.1:8233"))
			break
		}
		s.origins = append(s.origins, u.Scheme+"://"+strings.ToLower(u.Host))
		s.secure = s.secure && u.Scheme == "https"
	}
	for _, name := range c.Namespaces {
		if name = strings.TrimSpace(name); name != "" {
			s.namespaces = append(s.namespaces, name)
		}
	}
	if len(s.namespaces) == 0 {
		options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: env})
		if err != nil {
			errs = append(errs, fmt.Errorf("reading TEMPORAL_* and Temporal's profile file: %w", err))
		}
		s.namespaces = []string{options.Namespace}
		if options.Namespace == "" {
			s.namespaces = []string{"default"}
		}
	}
	s.prepare()
	return s, errors.Join(errs...)
}
