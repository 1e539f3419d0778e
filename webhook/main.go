// Command webhook is the door: it takes Sinch's callbacks, and other programs'
// requests to send, and hands each to its conversation. What it has answered
// with 2xx is in Temporal's history; it keeps nothing itself.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"parley/conversation"
	"parley/internal/census"
	"parley/internal/connect"
	"parley/internal/health"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/internal/telemetry"
	"parley/internal/telemetry/metrics"
	"parley/internal/telemetry/tracing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], settings.Environ(os.Environ()), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", telemetry.Mask(err.Error()))
		os.Exit(1)
	}
}

type cli struct {
	Addr     string            `default:":8080" env:"PARLEY_WEBHOOK_ADDR" placeholder:"HOST:PORT" help:"Where Sinch's callbacks arrive: POST /webhooks/sinch, and /webhooks/sinch/receipts where receipts have a webhook to themselves; GET /healthz, GET /readyz. Default: ${default}."`
	APIAddr  string            `default:"127.0.0.1:8081" env:"PARLEY_API_ADDR" placeholder:"HOST:PORT" help:"Where other programs ask for messages: POST /messages. Default: ${default}."`
	APIToken []settings.Secret `env:"PARLEY_API_TOKEN" placeholder:"TOKEN" help:"What they show as 'Authorization: Bearer TOKEN'. Several are accepted, so that one can be replaced. Without one, --api-addr is closed."`

	ShutdownDelay time.Duration `default:"3s" env:"PARLEY_SHUTDOWN_DELAY" placeholder:"DURATION" help:"How long it still serves after it was told to stop, with GET /readyz at 503, so that a load balancer can leave it first. Default: ${default}."`

	settings.Temporal       `embed:"" group:"Temporal"`
	settings.SinchApp       `embed:"" group:"Sinch"`
	settings.SinchCallbacks `embed:"" group:"Sinch"`
	settings.Log            `embed:"" group:"Log"`
	settings.Metrics        `embed:"" group:"Log"`
}

// service is our name in what is sent to those who watch several programs.
const service = "parley-webhook"

// usualMetrics is the worker's port for metrics + 1: both often run on one machine.
const usualMetrics = "127.0.0.1:9091"

const description = `Takes Sinch's callbacks, and other programs' requests to send, and hands each to its conversation.

Settings come from the environment, as listed below; a flag goes before its variable. Where the Temporal server is, and how to reach it, is read from
TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* and the profile file, as by the temporal command itself.

It starts without the Temporal server, and without any worker. While the server is away it answers 503, so that Sinch tries again; what it has answered with
200 or 202 is safe, and waits for a worker if there is none.`

// run is main without the process: it serves until the context ends.
func run(ctx context.Context, args []string, env settings.Env, stdout, stderr io.Writer) error {
	var c cli
	command, err := settings.Parse(&c, args, env, stdout, stderr,
		kong.Name("webhook"), kong.Description(description), kong.Vars{"metrics_addr": usualMetrics})
	if err != nil || command == nil {
		return err
	}
	log := c.Logger(stderr)
	if onLambda(env) { // the function's URL is the only way in
		c.MetricsAddr, c.APIToken = metrics.Off, nil
	}
	ready := health.New(log, time.Now)
	counted, stop, err := metrics.Serve(ctx, log, metrics.Options{Service: service, Address: c.MetricsAddr, Usual: usualMetrics, Ready: ready, Env: env})
	if err != nil {
		return err
	}
	defer stop()
	traces, err := tracing.Start(ctx, log, env, service)
	if err != nil {
		return err
	}
	defer traces.Stop()
	store, err := parameters.Open(log, counted.Meter)
	if err != nil {
		return err
	}
	key := c.APIKey(store)
	options, err := connect.Options(log, env, key)
	if err != nil {
		return err
	}
	options.MetricsHandler = counted.Temporal
	if onLambda(env) {
		options = connect.RenewSilent(options)
	}
	counts, err := newCounts(counted.Meter)
	if err != nil {
		return err
	}
	temporal, err := connect.Lazy(options)
	if err != nil {
		return err
	}
	defer temporal.Close()
	signing, err := c.signing(store)
	if err != nil {
		return err
	}
	if key != nil {
		go func() { _, _ = key.Get(ctx) }() // who needs it hears of an error
	}
	go func() { // beside the rest
		if err := signing.known(ctx); err != nil && ctx.Err() == nil {
			log.Warn("callbacks get 503 until their secrets can be read", "error", err)
		}
	}()
	servers, err := c.servers(temporal, signing, ready, watch{log, traces, counts})
	if err != nil {
		return err
	}
	ready.Begin(
		health.Check{Words: errNoSecrets.Error(), Ask: signing.known},
		health.Check{Words: "Temporal cannot be reached", Ask: func(ctx context.Context) error { return connect.Check(ctx, temporal, options) }},
	)
	if onLambda(env) {
		return serveLambda(ctx, log, flushing(servers[0].handler, counted, traces, time.Now))
	}
	if err := census.Take(ctx, counted.Meter, temporal, options.Namespace, c.Temporal); err != nil {
		return err
	}
	listeners, err := listen(ctx, servers)
	if err != nil {
		return err
	}
	if len(settings.Reveal(c.APIToken)) == 0 {
		log.Info("POST /messages is off; set PARLEY_API_TOKEN to open it")
	}
	return serve(ctx, log.With("temporal", options.HostPort, "namespace", options.Namespace), servers, listeners, ready.End, c.ShutdownDelay)
}

// signing is what callbacks may be signed with.
type signing struct{ all, receipts settings.SigningSecrets }

func (c cli) signing(store *parameters.Store) (s signing, err error) {
	if s.all, err = c.Secrets(store); err != nil {
		return signing{}, err
	}
	s.receipts, err = c.ReceiptsSecrets(store)
	return s, err
}

// known fails if some secrets have never been had; it asks for all of them at the
// same time.
func (s signing) known(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, secrets := range []settings.SigningSecrets{s.all, s.receipts} {
		group.Go(func() error {
			_, err := secrets.Get(ctx)
			return err
		})
	}
	return group.Wait()
}

// watch is where what happens is seen.
type watch struct {
	log    *slog.Logger
	traces tracing.Traces
	counts counts
}

// servers checks all other settings, and says what to serve where.
func (c cli) servers(temporal client.Client, signing signing, ready *health.Readiness, w watch) ([]server, error) {
	tolerance, err := c.Tolerance()
	if err != nil {
		return nil, err
	}
	conversations := conversation.Client{Temporal: temporal, TaskQueue: c.TaskQueue}
	servers := []server{{
		name: "callbacks", setting: "PARLEY_WEBHOOK_ADDR", addr: c.Addr,
		handler: Callbacks{
			Conversations:   conversations,
			Secrets:         signing.all,
			ReceiptsSecrets: signing.receipts,
			Tolerance:       tolerance,
			App:             c.SinchApp,
			AllReceipts:     c.AllReceipts(),
			Ready:           ready,
			Now:             time.Now,
			Log:             w.log,
			Traces:          w.traces,
			Counts:          w.counts,
		}.Handler(),
	}}
	if tokens := settings.Reveal(c.APIToken); len(tokens) > 0 {
		servers = append(servers, server{
			name: "messages", setting: "PARLEY_API_ADDR", addr: c.APIAddr,
			handler: API{Conversations: conversations, Tokens: tokens, App: c.SinchApp, Log: w.log, Traces: w.traces, Counts: w.counts}.Handler(),
		})
	}
	return servers, nil
}
