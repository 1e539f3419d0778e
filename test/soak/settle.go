package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
)

const (
	settledAfter = 15 * time.Second // without any change
	settleAtMost = 7 * time.Minute  // a text whose series of tries is over waits five minutes for the next
)

// settle waits until nothing changes any more: nothing runs, and the carrier has
// nothing to tell. A text in doubt takes a minute without any change, so while
// something is open, silence says nothing. It returns what is still open when
// time is up.
func (w *world) settle(ctx context.Context) (open []openWork, err error) {
	type snapshot struct {
		sent, inbound, acknowledged, running int
	}
	var last snapshot
	mended := map[string]bool{}
	since, end := time.Now(), time.Now().Add(settleAtMost)
	for {
		open, err = w.openWork(ctx)
		stats := w.carrier.sim.Stats()
		now := snapshot{stats.Sent, stats.Inbound, stats.Acknowledged, len(open)}
		if now != last {
			last, since = now, time.Now()
		}
		kept := 0
		for i, o := range open {
			if o.parked == 0 || o.busy {
				continue
			}
			kept++
			if !mended[o.id] { // as a person would, who sees that the carrier takes texts again
				mended[o.id] = true
				again(ctx, func(ctx context.Context) error {
					return w.conversations.Retry(ctx, o.with.Contact, o.with.Sender, fmt.Sprint("settle-", i), wire.Mend{Codes: []wire.ParkCode{wire.ParkedDenied}, By: "the soak"})
				})
			}
		}
		quiet := err == nil && len(open) == kept && !w.carrier.telling() && time.Since(since) >= settledAfter
		if quiet || time.Now().After(end) {
			return open, err
		}
		if !sleep(ctx, time.Second) {
			return open, ctx.Err()
		}
	}
}

// openWork is a workflow that has not ended.
type openWork struct {
	id     string
	with   wire.Start // if it is a conversation
	busy   bool       // there is something left to do; also if it does not answer
	parked int        // work that waits for a person, and keeps a conversation open
}

func (w *world) openWork(ctx context.Context) ([]openWork, error) {
	var open []openWork
	var page []byte
	for {
		listed, err := w.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: `ExecutionStatus = "Running"`, NextPageToken: page,
		})
		if err != nil {
			return nil, fmt.Errorf("listing what is open: %w", err)
		}
		for _, e := range listed.GetExecutions() {
			o := openWork{id: e.GetExecution().GetWorkflowId(), busy: true}
			switch e.GetType().GetName() {
			case wire.KeyRecordType:
				continue // it stays for ever
			case wire.WorkflowType:
				o = w.look(ctx, o.id)
			}
			open = append(open, o)
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return open, nil
		}
	}
}

// look asks a conversation what is left to do.
func (w *world) look(ctx context.Context, id string) openWork {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var state struct {
		wire.Start
		Outbox, Held, Questions, Inbox, Backlog, Redo, Says, Watches, Errands, Parked []json.RawMessage

		Turn json.RawMessage
	}
	value, err := w.temporal.QueryWorkflow(ctx, id, "", wire.StateQuery)
	if err != nil || value.Get(&state) != nil {
		return openWork{id: id, busy: true}
	}
	left := slices.Concat(state.Outbox, state.Held, state.Questions, state.Inbox, state.Backlog, state.Redo, state.Says, state.Watches, state.Errands)
	return openWork{id: id, with: state.Start, busy: len(left) > 0 || len(state.Turn) > 0, parked: len(state.Parked)}
}

// count asks the server how many runs there are.
func (w *world) count(ctx context.Context, query string) (int, error) {
	answer, err := w.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", query, err)
	}
	return int(answer.GetCount()), nil
}

// evidence gathers all that is needed to judge: what the carrier and the phones
// saw, and what was asked for.
func (w *world) evidence(o options, quizzes []Quiz) evidence {
	w.door.mu.Lock()
	defer w.door.mu.Unlock()
	return evidence{
		dispatch: o.mode == sinchtest.Dispatch,
		texts:    w.carrier.sim.Inbound(),
		sends:    w.carrier.sim.Sent(),
		attempts: w.carrier.sim.Attempts(),
		offered:  w.door.offered,
		refused:  w.door.refused,
		quizzes:  quizzes,
	}
}

// polled reports whether a worker has asked this queue for work.
func (w *world) polled(ctx context.Context, queue string) bool {
	answer, err := w.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: w.namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	})
	return err == nil && len(answer.GetPollers()) > 0
}
