package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/worker"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/internal/telemetry/tracing"
	"parley/sinch"
	"parley/sms"
)

// A part is what a worker can be narrowed to.
type part string

const (
	onlyConversations part = "conversations"
	onlySend          part = "send"
)

// A plan is what this process will do, with all settings checked: a worker that
// starts must not stumble over a setting an hour later.
type plan struct {
	queue     string  // of conversations and scripts; empty: not ours
	sendQueue string  // of sending; empty: not ours
	sendRate  float64 // texts in a second, of all workers together; 0: no limit
	version   worker.WorkerDeploymentVersion

	all       settings.Temporal // the task queues of all workers
	traces    tracing.Traces
	settings  wire.Settings
	sender    func(sms.Sender) sms.Sender // which conversation an address of ours belongs to
	responder activities.Hook
	services  activities.Services
	archive   activities.Archive // nil: nothing is kept
	carrier   activities.Carrier
	idKey     secrets.Value                                                        // nil: workflow ids hold numbers
	key       func(ctx context.Context, renew bool) (id, secret string, err error) // the carrier's; nil: not ours, or nothing to ask for
}

// plan names everything that is wrong with the settings at once.
func (c cli) plan(kept settings.Parameters, traces tracing.Traces) (plan, error) {
	p := plan{queue: c.TaskQueue, sendQueue: c.TaskQueue, all: c.Temporal, traces: traces}
	if c.SendsApart() {
		p.sendQueue = c.SendTaskQueue
	} else if c.Only != "" {
		// Of two workers on one queue, each would be given work of the other's.
		return plan{}, errors.New("set PARLEY_SEND_TASK_QUEUE to a queue of its own, here and for the other workers: --only divides the work by task queue")
	}
	switch c.Only {
	case onlyConversations:
		p.sendQueue = ""
	case onlySend:
		p.queue = ""
	}

	var errs []error
	if p.queue != "" {
		var tolerance time.Duration
		set(&tolerance, &errs)(c.Tolerance())
		set(&p.settings, &errs)(c.Settings(c.Temporal, tolerance))
		set(&p.responder, &errs)(c.Responder())
		set(&p.services, &errs)(c.Services())
		set(&p.archive, &errs)(c.OpenArchive(c.HookSecret))
		set(&p.version, &errs)(c.Version())
		p.sender = c.ConversationSender
		p.idKey = c.KeyOfIDs(kept)
		p.settings.Hooks, p.settings.Archive = slices.Sorted(maps.Keys(p.services)), p.archive != nil
	}
	if p.sendQueue != "" {
		config := c.Config(c.SinchApp, kept)
		config.Transport = traces.Transport("carrier")
		p.key = config.Keys
		set(&p.carrier, &errs)(sinch.NewClient(config))
		set(&p.sendRate, &errs)(c.Rate(c.Temporal))
	}
	return p, errors.Join(errs...)
}

// set takes a setting that was read, and adds what is wrong with it to the list.
func set[T any](setting *T, errs *[]error) func(T, error) {
	return func(read T, err error) { *setting, *errs = read, append(*errs, err) }
}
