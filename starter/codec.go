package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"parley/internal/codecserver"
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
	codec, err := c.server(log, keys, a.env)
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
	return codec.Serve(ctx, listener)
}

// server checks the settings.
func (c *codecServerCmd) server(log *slog.Logger, keys *encryption.Keys, env settings.Env) (*codecserver.Server, error) {
	namespaces, unread := c.namespaces(env)
	s, err := codecserver.New(log, keys, codecserver.Settings{Tokens: settings.Reveal(c.Token), Origins: c.Origin, Namespaces: namespaces})
	return s, errors.Join(err, unread)
}

// namespaces are those whose payloads are decrypted.
func (c *codecServerCmd) namespaces(env settings.Env) ([]string, error) {
	var names []string
	for _, name := range c.Namespaces {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: env})
	if err != nil {
		return nil, fmt.Errorf("reading TEMPORAL_* and Temporal's profile file: %w", err)
	}
	return []string{cmp.Or(options.Namespace, client.DefaultNamespace)}, nil
}
