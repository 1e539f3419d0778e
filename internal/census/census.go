// Package census tells, to whoever reads a process's metrics, what is on the
// server: open conversations, and the work that waits. Each process that is asked
// gives the same figures, so that they are there whichever of them still runs.
package census

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"parley/conversation"
	"parley/internal/settings"
)

const (
	// lasts is how long the figures are good for. Who reads more often gets them again.
	lasts = 20 * time.Second
	// takes is how long the server may take; a reader of metrics waits for ten seconds.
	takes = 5 * time.Second
	// heard is how long ago a poller may have been heard of: it asks at least once a
	// minute while it lives.
	heard = 90 * time.Second
)

// A Census is the last count.
type Census struct {
	temporal  client.Client
	namespace string
	queues    []queue
	now       func() time.Time

	mutex sync.Mutex
	at    time.Time
	last  figures
}

type queue struct {
	name string
	kind string // "workflow" or "activity"
	code enumspb.TaskQueueType
}

type figures struct {
	conversations map[string]int64 // by state
	attention     int64
	known         bool // false: search attributes are missing, or the server is away
	queues        []load
}

type load struct {
	queue
	pollers, backlog int64
	age              time.Duration
}

// Take has the server counted whenever the metrics are read.
func Take(meter metric.Meter, temporal client.Client, namespace string, t settings.Temporal) error {
	c := &Census{temporal: temporal, namespace: namespace, queues: queues(t), now: time.Now}
	var (
		gauges [4]metric.Int64ObservableGauge
		age    metric.Float64ObservableGauge
		err    error
	)
	for i, g := range []struct{ name, description string }{
		{"parley_conversations", "Open conversations, by state."},
		{"parley_conversations_attention", "Open conversations that need a person."},
		{"parley_task_queue_pollers", "Workers that ask for work."},
		{"parley_task_queue_backlog", "Tasks that wait for a worker, about."},
	} {
		if gauges[i], err = meter.Int64ObservableGauge(g.name, metric.WithDescription(g.description)); err != nil {
			return fmt.Errorf("preparing metrics: %w", err)
		}
	}
	if age, err = meter.Float64ObservableGauge("parley_task_queue_backlog_age", metric.WithUnit("s"), metric.WithDescription("How long the oldest of them has waited.")); err != nil {
		return fmt.Errorf("preparing metrics: %w", err)
	}
	_, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		f := c.figures(ctx)
		if f.known {
			for state, n := range f.conversations {
				o.ObserveInt64(gauges[0], n, metric.WithAttributes(attribute.String("state", state)))
			}
			o.ObserveInt64(gauges[1], f.attention)
		}
		for _, l := range f.queues {
			of := metric.WithAttributes(attribute.String("task_queue", l.name), attribute.String("type", l.kind))
			o.ObserveInt64(gauges[2], l.pollers, of)
			o.ObserveInt64(gauges[3], l.backlog, of)
			o.ObserveFloat64(age, l.age.Seconds(), of)
		}
		return nil
	}, gauges[0], gauges[1], gauges[2], gauges[3], age)
	if err != nil {
		return fmt.Errorf("preparing metrics: %w", err)
	}
	return nil
}

func queues(t settings.Temporal) []queue {
	all := []queue{
		{t.TaskQueue, "workflow", enumspb.TASK_QUEUE_TYPE_WORKFLOW},
		{t.TaskQueue, "activity", enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	}
	if t.SendsApart() {
		all = append(all, queue{t.SendTaskQueue, "activity", enumspb.TASK_QUEUE_TYPE_ACTIVITY})
	}
	return all
}

// figures counts anew if the last count is too old. While the server is away
// there are no figures, rather than wrong ones.
func (c *Census) figures(ctx context.Context) figures {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if age := c.now().Sub(c.at); age >= 0 && age < lasts {
		return c.last
	}
	ctx, cancel := context.WithTimeout(ctx, takes)
	defer cancel()
	c.last, c.at = c.count(ctx), c.now()
	return c.last
}

func (c *Census) count(ctx context.Context) figures {
	states := []string{conversation.StateOpen, conversation.StateAsking, conversation.StateOptedOut}
	counts := make([]int64, len(states)+1)
	loads := make([]*load, len(c.queues))
	var counting, describing errgroup.Group
	for i, state := range states {
		counting.Go(func() (err error) {
			counts[i], err = c.conversations(ctx, fmt.Sprintf("%s = %q", conversation.StateAttribute.GetName(), state))
			return err
		})
	}
	counting.Go(func() (err error) {
		counts[len(states)], err = c.conversations(ctx, conversation.AttentionAttribute.GetName()+" = true")
		return err
	})
	for i, q := range c.queues {
		describing.Go(func() error {
			loads[i] = c.load(ctx, q)
			return nil
		})
	}
	f := figures{conversations: map[string]int64{}, known: counting.Wait() == nil, attention: counts[len(states)]}
	for i, state := range states {
		f.conversations[state] = counts[i]
	}
	_ = describing.Wait() // its errors show as missing figures
	for _, l := range loads {
		if l != nil {
			f.queues = append(f.queues, *l)
		}
	}
	return f
}

func (c *Census) conversations(ctx context.Context, condition string) (int64, error) {
	answer, err := c.temporal.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: c.namespace,
		Query:     fmt.Sprintf("WorkflowType = %q AND ExecutionStatus = 'Running' AND %s", conversation.WorkflowType, condition),
	})
	return answer.GetCount(), err
}

func (c *Census) load(ctx context.Context, q queue) *load {
	answer, err := c.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: c.namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: q.name}, TaskQueueType: q.code, ReportStats: true,
	})
	if err != nil {
		return nil
	}
	l := &load{queue: q, backlog: answer.GetStats().GetApproximateBacklogCount(), age: answer.GetStats().GetApproximateBacklogAge().AsDuration()}
	for _, poller := range answer.GetPollers() {
		if c.now().Sub(poller.GetLastAccessTime().AsTime()) < heard {
			l.pollers++
		}
	}
	return l
}
