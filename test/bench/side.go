package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"parley/internal/stack"
)

// A kind is one of the things that are compared.
type kind string

const (
	parley       kind = "Parley"
	floorTurns   kind = "floor"              // the smallest workflow
	floorScripts kind = "two-workflow floor" // the smallest two
)

// A side is one of them, installed and running, with a carrier of its own.
type side struct {
	kind                    kind
	plan                    *stack.Installation
	carrier                 *carrier
	temporal                client.Client
	server, webhook, worker *stack.Process
}

// install starts a fresh server, the carrier and the programs of one side. It
// must be stopped, also after an error.
func (s *side) install(ctx context.Context, floor string, server []string) (err error) {
	s.plan.Settings["PARLEY_TEXTS_PER_HOUR"] = "1000000" // contacts write faster than people
	if s.server, err = s.plan.StartServer(ctx, "", append([]string{"--headless"}, server...)...); err != nil {
		return err
	}
	s.temporal, err = client.NewLazyClient(client.Options{
		HostPort: s.plan.Address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	if err := s.await(ctx, "the server", func() (bool, error) {
		_, err := s.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
		return err == nil, nil
	}); err != nil {
		return err
	}
	if s.carrier, err = newCarrier(ctx, s.plan); err != nil {
		return err
	}
	// The floor's programs have the names of Parley's, and take part of their settings.
	switch s.kind {
	case parley:
	case floorTurns:
		s.plan.Bin, s.plan.Settings["FLOOR_WORKFLOW"] = floor, "Turn"
	case floorScripts:
		s.plan.Bin, s.plan.Settings["FLOOR_WORKFLOW"] = floor, "Line"
	}
	if s.webhook, err = s.plan.StartWebhook(ctx); err != nil {
		return err
	}
	s.worker, err = s.plan.StartWorker(ctx)
	return err
}

func (s *side) stop() {
	if s.carrier != nil {
		s.carrier.stop()
	}
	if s.temporal != nil {
		s.temporal.Close()
	}
	s.plan.Stop()
}

// patience is with what always happens; the machine may be busy.
const patience = 2 * time.Minute

// await polls for what no message tells.
func (s *side) await(ctx context.Context, what string, condition func() (bool, error)) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if done, err := condition(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-late:
			return errors.New("waited in vain for " + what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle waits until every callback has been answered.
func (s *side) settle(ctx context.Context) error {
	return s.await(ctx, "the last receipt", func() (bool, error) { return s.carrier.sim.Stats().Open == 0, nil })
}
