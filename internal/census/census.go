// Package census tells, to whoever reads a process's metrics, what is on the
// server: open conversations, and the work that waits. Each process gives the same
// figures, so that they are there whichever of them still runs.
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

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/settings"
)

const (
	// every is how often the server is counted while somebody reads the figures.
	every = 20 * time.Second
	// interest is how long after the last reading that goes on.
	interest = 5 * time.Minute
	takes    = 10 * time.Second // at most, of the server
)

// census is the last count, and who wants to know.
type census struct {
	temporal  client.Client
	namespace string
	queues    []queue

	mutex sync.Mutex
	read  time.Time
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
	conversations.Load
}

// Take counts the server until the context ends, while somebody reads the metrics.
func Take(ctx context.Context, meter metric.Meter, temporal client.Client, namespace string, t settings.Temporal) error {
	c := &census{temporal: temporal, namespace: namespace, queues: queues(t), read: time.Now()}
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
	// The callback does not count itself: to ask the server is measured, and for that
	// nobody may be reading.
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		f := c.figures()
		if f.known {
			for state, n := range f.conversations {
				o.ObserveInt64(gauges[0], n, metric.WithAttributes(attribute.String("state", state)))
			}
			o.ObserveInt64(gauges[1], f.attention)
		}
		for _, l := range f.queues {
			of := metric.WithAttributes(attribute.String("task_queue", l.name), attribute.String("type", l.kind))
			o.ObserveInt64(gauges[2], int64(l.Workers), of)
			o.ObserveInt64(gauges[3], l.Waiting, of)
			o.ObserveFloat64(age, l.Oldest.Seconds(), of)
		}
		return nil
	}, gauges[0], gauges[1], gauges[2], gauges[3], age)
	if err != nil {
		return fmt.Errorf("preparing metrics: %w", err)
	}
	go c.keep(ctx)
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

// figures are those of the last count. While the server is away there are none,
// rather than wrong ones.
func (c *census) figures() figures {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.read = time.Now()
	return c.last
}

func (c *census) keep(ctx context.Context) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		c.mutex.Lock()
		wanted := time.Since(c.read) < interest
		if !wanted {
			c.last = figures{}
		}
		c.mutex.Unlock()
		if wanted {
			counting, cancel := context.WithTimeout(ctx, takes)
			f := c.count(counting)
			cancel()
			c.mutex.Lock()
			c.last = f
			c.mutex.Unlock()
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *census) count(ctx context.Context) figures {
	states := []string{wire.StateOpen, wire.StateAsking, wire.StateOptedOut}
	counts := make([]int64, len(states)+1)
	loads := make([]*load, len(c.queues))
	var counting, describing errgroup.Group
	for i, state := range states {
		counting.Go(func() (err error) {
			counts[i], err = c.conversations(ctx, fmt.Sprintf("%s = %q", wire.StateAttribute.GetName(), state))
			return err
		})
	}
	counting.Go(func() (err error) {
		counts[len(states)], err = c.conversations(ctx, wire.AttentionAttribute.GetName()+" = true")
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

func (c *census) conversations(ctx context.Context, condition string) (int64, error) {
	answer, err := c.temporal.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: c.namespace,
		Query:     fmt.Sprintf("WorkflowType = %q AND ExecutionStatus = 'Running' AND %s", wire.WorkflowType, condition),
	})
	return answer.GetCount(), err
}

func (c *census) load(ctx context.Context, q queue) *load {
	described, err := c.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: c.namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: q.name}, TaskQueueType: q.code, ReportStats: true,
	})
	if err != nil {
		return nil
	}
	return &load{q, conversations.LoadOf(described)}
}
