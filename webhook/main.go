// Command webhook is the door: it takes Sinch's callbacks, and other programs'
// requests to send, and hands each to its conversation. What it has answered
// with 2xx is in Temporal's history; it keeps nothing itself.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	conversations "parley/conversation/client"
	"parley/internal/auth"
	"parley/internal/census"
	"parley/internal/connect"
	"parley/internal/health"
	"parley/internal/program"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/internal/telemetry/metrics"
)

func main() { about.Main(run) }

type cli struct {
	Addr     string            `default:":8080" env:"PARLEY_WEBHOOK_ADDR" placeholder:"HOST:PORT" help:"Where Sinch's callbacks arrive: POST /webhooks/sinch, and /webhooks/sinch/receipts where receipts have a webhook to themselves; GET /healthz, GET /readyz. Default: ${default}."`
	APIAddr  string            `default:"127.0.0.1:8081" env:"PARLEY_API_ADDR" placeholder:"HOST:PORT" help:"Where other programs ask for messages: POST /messages, and what became of them: POST /messages/status. Default: ${default}."`
	APIToken []settings.Secret `env:"PARLEY_API_TOKEN" placeholder:"TOKEN" help:"What they show as 'Authorization: Bearer TOKEN'. Several are accepted, so that one can be replaced. As send:TOKEN it is good for the one request only, as read:TOKEN for the other. Without one, --api-addr is closed."`
	APIRate  float64           `default:"50" env:"PARLEY_API_RATE" placeholder:"N" help:"How many requests each token may make in a second, and twice as many at once. Default: ${default}."`
	Proxies  []string          `name:"webhook-proxies" env:"PARLEY_WEBHOOK_PROXIES" placeholder:"NETWORK" help:"Networks of load balancers whose X-Forwarded-For tells where a request comes from, such as 10.0.0.0/8. Without them all that comes through one counts as one source, of which too many wrong signatures and tokens are answered 429. Default: none."`

	ShutdownDelay time.Duration `default:"3s" env:"PARLEY_SHUTDOWN_DELAY" placeholder:"DURATION" help:"How long it still serves after it was told to stop, with GET /readyz at 503, so that a load balancer can leave it first. Default: ${default}."`

	settings.Temporal       `embed:"" group:"Temporal"`
	settings.IDs            `embed:"" group:"Temporal"`
	settings.Encryption     `embed:"" group:"Temporal"`
	settings.SinchApp       `embed:"" group:"Sinch"`
	settings.SinchCallbacks `embed:"" group:"Sinch"`
	settings.Log            `embed:"" group:"Log"`
	settings.Metrics        `embed:"" group:"Log"`
}

var about = program.About{
	Name:    "webhook",
	Metrics: "127.0.0.1:9091", // the worker's port + 1: both often run on one machine
	Does:    "Takes Sinch's callbacks, and other programs' requests to send, and hands each to its conversation.",
	Stops: `It starts without the Temporal server, and without any worker. While the server is away it answers 503, so that Sinch tries again; what it has answered with
200 or 202 is safe, and waits for a worker if there is none.`,
}

// run is main without the process: it serves until the context ends.
func run(ctx context.Context, args []string, env settings.Env, stdout, stderr io.Writer) error {
	var c cli
	command, err := about.Parse(&c, args, env, stdout, stderr)
	if err != nil || command == nil {
		return err
	}
	if onLambda(env) { // the function's URL is the only way in
		c.MetricsAddr, c.APIToken = metrics.Off, nil
	}
	p, err := about.Begin(ctx, c.Logger(stderr), program.Settings{Metrics: c.MetricsAddr, Temporal: c.Temporal, Encryption: c.Encryption, Env: env})
	if err != nil {
		return err
	}
	defer p.End()
	if onLambda(env) {
		p.Temporal = connect.RenewSilent(p.Temporal)
	}
	counts, err := newCounts(p.Metrics.Meter)
	if err != nil {
		return err
	}
	temporal, err := connect.Lazy(p.Temporal)
	if err != nil {
		return err
	}
	defer temporal.Close()
	signing, err := c.signing(p.Kept)
	if err != nil {
		return err
	}
	door := &door{client: conversations.Client{Temporal: temporal, TaskQueue: c.TaskQueue}, key: c.KeyOfIDs(p.Kept)}
	if c.IDKey != "" { // await reads a parameter
		if _, err := settings.ReadIDs(ctx, door.key); err != nil {
			return err
		}
	}
	needs := []health.Check{
		{Words: errNoSecrets.Error(), Ask: signing.known},
		{Words: "the encryption keys cannot be read", Ask: p.Keys.Known},
		p.Reachable(temporal),
	}
	servers, err := c.servers(p, door, signing, counts)
	if err != nil {
		return err
	}
	p.Ready.Begin(append(needs, health.Check{Words: "it is not known how workflow ids are made", Ask: door.known})...) // of which await tells
	group, serving := errgroup.WithContext(ctx)
	for _, need := range needs {
		go func() { // beside the rest
			if err := need.Ask(serving); err != nil && serving.Err() == nil {
				p.Log.Warn("callbacks get 503: "+need.Words, "error", err)
			}
		}()
	}
	group.Go(func() error { return door.await(serving, p.Log) })
	group.Go(func() error {
		if onLambda(env) {
			return serveLambda(serving, p.Log, flushing(servers[0].handler, p.Flush, time.Now))
		}
		if err := census.Take(serving, p.Metrics.Meter, temporal, p.Temporal.Namespace, c.Temporal); err != nil {
			return err
		}
		listeners, err := listen(serving, servers)
		if err != nil {
			return err
		}
		if len(settings.Reveal(c.APIToken)) == 0 {
			p.Log.Info("POST /messages is off; set PARLEY_API_TOKEN to open it")
		}
		return usualPatience.serve(serving, p.Log.With("temporal", p.Temporal.HostPort, "namespace", p.Temporal.Namespace), servers, listeners, p.Ready.End, c.ShutdownDelay)
	})
	return group.Wait()
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

// servers checks all other settings, and says what to serve where.
func (c cli) servers(p *program.Program, conversations Conversations, signing signing, counts counts) ([]server, error) {
	tolerance, err := c.Tolerance()
	if err != nil {
		return nil, err
	}
	proxies, err := auth.ParseProxies(c.Proxies)
	if err != nil {
		return nil, fmt.Errorf("set PARLEY_WEBHOOK_PROXIES: %w", err)
	}
	tokens, err := parseTokens(settings.Reveal(c.APIToken), c.APIRate)
	if err != nil {
		return nil, err
	}
	servers := []server{{
		name: "callbacks", setting: "PARLEY_WEBHOOK_ADDR", addr: c.Addr,
		handler: Callbacks{
			Conversations:   conversations,
			Secrets:         signing.all,
			ReceiptsSecrets: signing.receipts,
			Tolerance:       tolerance,
			App:             c.SinchApp,
			AllReceipts:     c.AllReceipts(),
			Ready:           p.Ready,
			Now:             time.Now,
			Log:             p.Log,
			Traces:          p.Traces,
			Counts:          counts,
			Proxies:         proxies,
		}.Handler(),
	}}
	if len(tokens.known) > 0 {
		servers = append(servers, server{
			name: "messages", setting: "PARLEY_API_ADDR", addr: c.APIAddr,
			handler: API{
				Conversations: conversations, Tokens: tokens, App: c.SinchApp, Now: time.Now,
				Log: p.Log, Traces: p.Traces, Counts: counts, Proxies: proxies,
			}.Handler(),
		})
	}
	return servers, nil
}
