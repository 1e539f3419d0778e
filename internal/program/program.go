// Package program is what worker and webhook have in common: how they start and are
// told to stop, how they are watched, where their secrets are, and the way to
// Temporal.
package program

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"parley/internal/connect"
	"parley/internal/encryption"
	"parley/internal/health"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/internal/telemetry/metrics"
	"parley/internal/telemetry/tracing"
)

// A Program is a process that runs for long.
type Program struct {
	Log      *slog.Logger
	Ready    *health.Readiness
	Metrics  metrics.Metrics
	Traces   tracing.Traces
	Kept     *parameters.Store
	Keys     *encryption.Keys
	Temporal client.Options

	stop func()
}

// Settings say what is begun.
type Settings struct {
	Metrics    string // the address as set
	Temporal   settings.Temporal
	Encryption settings.Encryption
	Worker     bool // workflow code runs here
	Env        settings.Env
}

// Begin reaches nobody yet. What it returns has to be ended.
func (a About) Begin(ctx context.Context, log *slog.Logger, s Settings) (*Program, error) {
	p := &Program{Log: log, Ready: health.New(log, time.Now)}
	var err error
	p.Metrics, p.stop, err = metrics.Serve(ctx, log, metrics.Options{Service: a.service(), Address: s.Metrics, Usual: a.Metrics, Ready: p.Ready, Env: s.Env})
	if err != nil {
		return nil, err
	}
	if err := p.begin(ctx, a, s); err != nil {
		p.End()
		return nil, err
	}
	return p, nil
}

func (p *Program) begin(ctx context.Context, a About, s Settings) (err error) {
	if p.Traces, err = tracing.Start(ctx, p.Log, s.Env, a.service()); err != nil {
		return err
	}
	if p.Kept, err = parameters.Open(p.Log, p.Metrics.Meter); err != nil {
		return err
	}
	if p.Keys, err = encryption.Open(p.Log, s.Encryption.KeyRing(p.Kept)); err != nil {
		return err
	}
	key := s.Temporal.APIKey(p.Kept)
	if key != nil {
		go func() { _, _ = key.Get(ctx) }() // beside the rest; who needs it hears of an error
	}
	if p.Temporal, err = connect.Options(p.Log, s.Env, key); err != nil {
		return err
	}
	p.Temporal.MetricsHandler = p.Metrics.Temporal
	if s.Worker {
		encryption.ApplyToWorker(&p.Temporal, p.Keys)
	} else {
		encryption.Apply(&p.Temporal, p.Keys)
	}
	return nil
}

// Reachable is what there is to be asked of Temporal before there is work.
func (p *Program) Reachable(temporal client.Client) health.Check {
	return health.Check{Words: "Temporal cannot be reached", Ask: func(ctx context.Context) error { return connect.Check(ctx, temporal, p.Temporal) }}
}

// Flush sends away what was counted and traced, for a process that may be frozen
// any moment.
func (p *Program) Flush(ctx context.Context) {
	var flushed sync.WaitGroup
	flushed.Go(func() { p.Metrics.Flush(ctx) })
	flushed.Go(func() { p.Traces.Flush(ctx) })
	flushed.Wait()
}

// End sends away the rest, and shows metrics no more.
func (p *Program) End() {
	p.Traces.Stop()
	p.stop()
}
