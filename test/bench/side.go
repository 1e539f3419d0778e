package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	kind     kind
	plan     *stack.Installation
	floor    string
	carrier  *carrier
	temporal client.Client
	worker   *stack.Process
	workers  int
	programs []*stack.Process
}

// install starts a fresh server, the carrier and the programs of one side. What
// it returns must be stopped, also after an error.
func install(ctx context.Context, kind kind, plan *stack.Installation, floor string, server []string) (*side, error) {
	s := &side{kind: kind, plan: plan, floor: floor}
	plan.Settings["PARLEY_TEXTS_PER_HOUR"] = "1000000" // contacts write faster than people
	if _, err := plan.StartServer(ctx, "", append([]string{"--headless"}, server...)...); err != nil {
		return s, err
	}
	var err error
	s.temporal, err = client.NewLazyClient(client.Options{
		HostPort: plan.Address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return s, err
	}
	if err := s.await(ctx, "the server", func() bool {
		_, err := s.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
		return err == nil
	}); err != nil {
		return s, err
	}
	if s.carrier, err = newCarrier(ctx, plan); err != nil {
		return s, err
	}
	if err := s.startWebhook(ctx); err != nil {
		return s, err
	}
	return s, s.startWorker(ctx)
}

func (s *side) startWebhook(ctx context.Context) error {
	ready := strings.TrimSuffix(s.plan.Webhook, "/webhooks/sinch") + "/readyz"
	if s.kind == parley {
		_, err := s.plan.StartWebhook(ctx)
		return err
	}
	args := []string{"webhook"}
	if s.kind == floorScripts {
		args = append(args, "scripts")
	}
	_, err := s.run(ctx, "webhook", func(ctx context.Context, _ *stack.Process) bool { return stack.Answers(ctx, ready) }, args...)
	return err
}

func (s *side) startWorker(ctx context.Context) (err error) {
	if s.kind == parley {
		s.worker, err = s.plan.StartWorker(ctx)
		return err
	}
	s.workers++
	s.worker, err = s.run(ctx, fmt.Sprint("worker-", s.workers), func(_ context.Context, p *stack.Process) bool { return p.Said("ready") }, "worker")
	return err
}

// run starts a program of the floor.
func (s *side) run(ctx context.Context, name string, ready func(context.Context, *stack.Process) bool, args ...string) (*stack.Process, error) {
	p, err := stack.Run(name, s.floor, s.plan.Dir, s.plan.Settings, args...)
	if err != nil {
		return nil, err
	}
	s.programs = append(s.programs, p)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p, p.Await(ctx, func(ctx context.Context) bool { return ready(ctx, p) })
}

func (s *side) stop() {
	if s.carrier != nil {
		s.carrier.stop()
	}
	for _, p := range slices.Backward(s.programs) {
		_ = p.Stop()
	}
	if s.temporal != nil {
		s.temporal.Close()
	}
	s.plan.Stop()
}

// patience is with what always happens; the machine may be busy.
const patience = 2 * time.Minute

// await polls for what no message tells.
func (s *side) await(ctx context.Context, what string, condition func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			return errors.New("waited in vain for " + what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// settle waits until every callback has been answered.
func (s *side) settle(ctx context.Context) error {
	return s.await(ctx, "the last receipt", func() bool { return s.carrier.sim.Stats().Open == 0 })
}

// lastWords is what the programs complained of before something went wrong.
func lastWords(dir string) string {
	var words strings.Builder
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, name := range logs {
		log, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(log)), "\n"), func(line string) bool {
			return line == "" || strings.Contains(line, "level=INFO")
		})
		for _, line := range lines[max(0, len(lines)-5):] {
			fmt.Fprintf(&words, "\n  %s: %s", filepath.Base(name), line)
		}
	}
	return words.String()
}
