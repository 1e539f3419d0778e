package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/census"
	"parley/internal/connect"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/lookout"
	"parley/internal/program"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/sms/numbers"
	"parley/workflows"
)

// stopTimeout is how long work that has begun may take to end, once we are told
// to stop. Container platforms kill after 30 seconds by default.
const stopTimeout = 20 * time.Second

// pollers wait for work. A task that finds one waiting costs the server no write
// to its database; and over a network with a round trip of 20 ms, the SDK's two
// cannot fetch what twenty texts a second need.
const pollers = 16

// work connects, and works until the context ends or the server refuses us for
// good.
func (p plan) work(ctx context.Context, here *program.Program) error {
	ctx, cancel := context.WithCancel(ctx) // ends with this function what it started
	defer cancel()
	if err := p.checkKey(ctx, here.Log); err != nil {
		return err
	}
	// Workflow code cannot wait for keys, and must not write without them.
	if err := here.Keys.Known(ctx); err != nil {
		return fmt.Errorf("preparing to encrypt: %w", err)
	}
	go here.Keys.Watch(ctx)
	ids, err := settings.ReadIDs(ctx, p.idKey)
	if err != nil {
		return err
	}
	temporal, err := connect.Dial(ctx, here.Temporal)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := census.Take(ctx, here.Metrics.Meter, temporal, here.Temporal.Namespace, p.all); err != nil {
		return err
	}
	if p.queue != "" {
		if err := identity.TakeUp(ctx, temporal, p.queue, ids); err != nil {
			return err
		}
		ensure := func(ctx context.Context) (bool, string, error) {
			return connect.EnsureSearchAttributes(ctx, temporal, here.Temporal.Namespace)
		}
		if p.settings.SearchAttributes, err = searchAttributes(ctx, here.Log, ensure); err != nil {
			return err
		}
		if p.settings.SearchAttributes {
			go keepSearchAttributes(ctx, attributesPause, ensure)
		}
	}

	scripts := p.lookout(temporal, here, ids)
	broken := make(chan error, 1)
	workers := p.workers(temporal, ids, scripts, func(err error) {
		select {
		case broken <- err:
		default: // the first is enough
		}
	})
	for i, w := range workers {
		if err := w.Start(); err != nil {
			stop(workers[:i])
			return fmt.Errorf("starting to work for namespace %q at %s: %w", here.Temporal.Namespace, here.Temporal.HostPort, err)
		}
	}
	if scripts != nil {
		go scripts.Watch(ctx)
	}
	here.Ready.Begin(here.Reachable(temporal))
	here.Log.Info("ready", append([]any{"address", here.Temporal.HostPort, "namespace", here.Temporal.Namespace}, p.queues()...)...)

	select {
	case <-ctx.Done():
		here.Log.Info("stopping", "at_most", stopTimeout.String())
	case err = <-broken:
		err = fmt.Errorf("working for namespace %q at %s: %w", here.Temporal.Namespace, here.Temporal.HostPort, err)
	}
	here.Ready.End()
	stop(workers)
	return err
}

// checkKey asks for the carrier's key where it is kept elsewhere. One that is not
// there is a mistake to be told of at once; a store that is away is not, since
// there is other work than to send.
func (p plan) checkKey(ctx context.Context, log *slog.Logger) error {
	if p.key == nil {
		return nil
	}
	switch _, _, err := p.key(ctx, false); {
	case errors.Is(err, parameters.ErrRefused):
		return fmt.Errorf("preparing to send: %w", err)
	case err != nil:
		log.Warn("the carrier's access key is not known yet: texts wait until it can be read", "error", err)
	}
	return nil
}

// queues tells, for the log, which work is ours.
func (p plan) queues() []any {
	var attrs []any
	if p.queue != "" {
		attrs = append(attrs, "task_queue", p.queue, "search_attributes", p.settings.SearchAttributes)
		if p.version.BuildID != "" {
			attrs = append(attrs, "deployment", p.version.DeploymentName, "build", p.version.BuildID)
		}
	}
	if p.sendQueue != "" {
		attrs = append(attrs, "send_task_queue", p.sendQueue)
	}
	return attrs
}

// workers are one or two: sending has one of its own where it has a queue of
// its own. That one has no version, so that it sends for conversations of any
// build: what it is given only ever grows.
func (p plan) workers(temporal client.Client, ids wire.IDs, scripts *lookout.Lookout, broken func(error)) []worker.Worker {
	options := worker.Options{
		WorkerStopTimeout: stopTimeout, OnFatalError: broken,
		Interceptors:                     p.interceptors(ids),
		MaxConcurrentWorkflowTaskPollers: pollers, MaxConcurrentActivityTaskPollers: pollers,
	}
	versioned := options
	if p.version.BuildID != "" {
		versioned.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true, Version: p.version,
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned, // of scripts; conversations say theirs
		}
	}
	if p.queue == p.sendQueue {
		w := worker.New(temporal, p.queue, versioned)
		p.registerConversations(w, temporal, ids)
		p.registerSending(w)
		scripts.Register(w)
		return []worker.Worker{w}
	}
	var workers []worker.Worker
	if p.queue != "" {
		w := worker.New(temporal, p.queue, versioned)
		p.registerConversations(w, temporal, ids)
		if p.sendQueue != "" {
			p.registerSending(w) // for runs that began before sending had its own queue
		}
		scripts.Register(w)
		workers = append(workers, w)
	}
	if p.sendQueue != "" {
		options.TaskQueueActivitiesPerSecond = p.sendRate
		options.DisableWorkflowWorker = true // nothing but SendMessage comes this way
		w := worker.New(temporal, p.sendQueue, options)
		p.registerSending(w)
		workers = append(workers, w)
	}
	return workers
}

// lookout watches the scripts that run here; nil if none do.
func (p plan) lookout(temporal client.Client, here *program.Program, ids wire.IDs) *lookout.Lookout {
	if p.queue == "" {
		return nil
	}
	reads := here.Temporal
	encryption.Apply(&reads, here.Keys) // as outside of workflow code
	return &lookout.Lookout{
		Desk: conversations.Desk{
			Client:    conversations.Client{Temporal: temporal, TaskQueue: p.queue, IDs: ids},
			Namespace: here.Temporal.Namespace, Converter: reads.DataConverter, Failures: reads.FailureConverter,
		},
		Scripts: workflows.Names(), Sender: p.sender, Log: here.Log,
	}
}

// interceptors stand around all work, and around what is replayed.
func (p plan) interceptors(ids wire.IDs) []interceptor.WorkerInterceptor {
	return []interceptor.WorkerInterceptor{p.traces.Activities(), conversation.Interceptor(conversation.Reporting{Outcomes: p.services[wire.HookOutcome] != nil, Tag: ids.Tag})}
}

func (p plan) registerConversations(r worker.Registry, temporal client.Client, ids wire.IDs) {
	teller := conversations.Client{Temporal: temporal, TaskQueue: p.queue, IDs: ids}
	toolkit := &engine.Toolkit{
		Settings: p.settings,
		IDs:      ids,
		Scripts:  conversations.TemporalScripts{Client: temporal, TaskQueue: p.queue, Known: workflows.Names(), Prepare: prepare},
	}
	if ids.Keyed() {
		toolkit.Suppressions = conversations.TemporalSuppressions{Client: temporal, TaskQueue: p.queue, IDs: ids}
	}
	engine.Register(r, toolkit)
	conversations.Telling{Teller: teller, IDs: ids, Sender: p.sender}.Register(r)
	workflows.Register(r)
	r.RegisterActivity(&activities.Responder{Hook: p.responder})
	r.RegisterActivity(p.services.TellService)
	r.RegisterActivity(&activities.Archives{Archive: p.archive})
}

// prepare is the door for what a responder wants a script started with.
func prepare(script string, input json.RawMessage) (json.RawMessage, error) {
	if kind, ok := workflows.InputOf(script); ok && kind != nil {
		normal, err := numbers.InJSON(input, kind)
		if err != nil {
			return nil, fmt.Errorf("the input does not suit %s: %w", script, err)
		}
		input = normal
	}
	return input, workflows.Check(script, input)
}

func (p plan) registerSending(r worker.Registry) {
	r.RegisterActivity(&activities.Messaging{Carrier: p.carrier})
}

// stop stops all at the same time: each may take its whole time.
func stop(workers []worker.Worker) {
	var stopping sync.WaitGroup
	for _, w := range workers {
		stopping.Go(w.Stop)
	}
	stopping.Wait()
}
