package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/internal/connect"
	"parley/internal/settings"
)

type pauseCmd struct {
	Why      string            `placeholder:"TEXT" help:"Why, for whoever asks later: the server keeps it, with your name."`
	Temporal settings.Temporal `embed:"" group:"Temporal"`
}

// Help is the long help.
func (*pauseCmd) Help() string {
	return `Sets the rate of the task queue of sending to 0: no text leaves any more, whoever
asks for one. Texts of contacts are taken as ever, STOP counts, scripts ask and
responders answer; what they say waits in order until "parley resume-sending", and
is parked as carrier-away after a day.

It needs a task queue of its own for sending, PARLEY_SEND_TASK_QUEUE. No worker is
needed. A text that a worker has taken already still leaves. Repeating the command
changes nothing, but for a new --why.`
}

type resumeCmd struct {
	Temporal settings.Temporal `embed:"" group:"Temporal"`
}

// Help is the long help.
func (*resumeCmd) Help() string {
	return `Takes back what "parley pause-sending" did: texts leave in order again, as fast as
PARLEY_SEND_RATE of the workers says. Repeating the command changes nothing.`
}

// sending is how the task queue of sending stands.
type sending struct {
	TaskQueue string     `json:"task_queue"`
	Paused    bool       `json:"paused"`
	Why       string     `json:"why,omitempty"`
	By        string     `json:"by,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	Rate      float64    `json:"rate,omitempty"` // texts in a second; 0: no limit, unless paused
	queued
}

// queued is what waits in a task queue, and for how many workers.
type queued struct {
	Workers int           `json:"workers"` // heard of lately, those that have just ended among them
	Waiting int64         `json:"waiting"`
	Oldest  time.Duration `json:"-"`
	Seconds int64         `json:"oldest_seconds"`
}

func (s sending) text(w io.Writer, zone *time.Location) {
	fmt.Fprintln(w, s.stands(zone))
	fmt.Fprintf(w, "task queue %s: %s\n", s.TaskQueue, s.queued)
	switch {
	case s.Workers == 0:
		fmt.Fprintln(w, "no worker of this task queue was heard of lately: is PARLEY_SEND_TASK_QUEUE the same there?")
	case s.Paused:
		fmt.Fprintln(w, "to go on: parley resume-sending")
	}
}

// stands is the first thing to know about it, in one line.
func (s sending) stands(zone *time.Location) string {
	switch {
	case s.Paused:
		said := "sending is paused"
		if s.Since != nil {
			said += " since " + s.Since.In(zone).Format(dateAndTime)
		}
		if s.By != "" {
			said += " by " + printable(s.By)
		}
		if s.Why != "" {
			said += ": " + printable(s.Why)
		}
		return strings.ReplaceAll(said, "\n", " ")
	case s.Rate > 0:
		return fmt.Sprintf("sending is not paused; %g texts in a second at most", s.Rate)
	}
	return "sending is not paused"
}

func (q queued) String() string {
	said := counted(q.Workers, "worker")
	switch {
	case q.Waiting > 0 && q.Oldest > 0:
		return fmt.Sprintf("%s, about %d waiting, the oldest for %s", said, q.Waiting, age(q.Oldest))
	case q.Waiting > 0:
		return fmt.Sprintf("%s, about %d waiting", said, q.Waiting)
	}
	return said + ", nothing waits"
}

// Run pauses sending.
func (c *pauseCmd) Run(ctx context.Context, a *app) error {
	return a.limitSending(ctx, c.Temporal, func(s *server, now sending) (*taskqueuepb.TaskQueueConfig, error) {
		why := strings.TrimSpace(c.Why)
		if now.Paused && (why == "" || why == now.Why) {
			return nil, nil
		}
		return s.limit(ctx, now.TaskQueue, &taskqueuepb.RateLimit{RequestsPerSecond: 0}, why)
	})
}

// Run resumes sending. A limit that somebody else has set is not ours to take.
func (c *resumeCmd) Run(ctx context.Context, a *app) error {
	return a.limitSending(ctx, c.Temporal, func(s *server, now sending) (*taskqueuepb.TaskQueueConfig, error) {
		if !now.Paused {
			return nil, nil
		}
		return s.limit(ctx, now.TaskQueue, nil, "")
	})
}

// limitSending has the limit changed where that is needed, and prints how
// sending stands afterwards. change returns what the server took, or nil.
func (a *app) limitSending(ctx context.Context, t settings.Temporal, change func(*server, sending) (*taskqueuepb.TaskQueueConfig, error)) error {
	if !t.SendsApart() {
		return errors.New("sending has no task queue of its own, and with the common one everything would stand still: set PARLEY_SEND_TASK_QUEUE, for all workers and here")
	}
	s, err := a.dial(ctx, workFlags{Temporal: t})
	if err != nil {
		return err
	}
	defer s.Close()
	now, err := s.sending(ctx, t.SendTaskQueue)
	if err != nil {
		return err
	}
	taken, err := change(s, now)
	if err != nil {
		return err
	}
	// The part of the server that keeps the limit tells the one that sends go by.
	for end := time.Now().Add(a.Timeout); ; time.Sleep(20 * time.Millisecond) {
		if now, err = s.sending(ctx, t.SendTaskQueue); err != nil {
			return err
		}
		if taken == nil || now.follows(taken) || time.Now().After(end) {
			return a.print(now)
		}
	}
}

// follows reports whether sending stands as a change of its limit would have it.
func (s sending) follows(taken *taskqueuepb.TaskQueueConfig) bool {
	asked := sendingOf(s.TaskQueue, &workflowservice.DescribeTaskQueueResponse{Config: taken})
	if s.Paused != asked.Paused || s.Why != asked.Why {
		return false
	}
	return s.Since == nil || asked.Since == nil || s.Since.Equal(*asked.Since)
}

// limit sets the rate of a queue's activities, or takes it back, and returns what
// the server took.
func (s *server) limit(ctx context.Context, queue string, rate *taskqueuepb.RateLimit, why string) (*taskqueuepb.TaskQueueConfig, error) {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	taken, err := s.WorkflowService().UpdateTaskQueueConfig(ctx, &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: s.options.Namespace, Identity: userName(), TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: rate, Reason: why},
	})
	const doing = "changing the rate of sending"
	var unknown *serviceerror.Unimplemented
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &unknown):
		return nil, fmt.Errorf("%s: Temporal at %s is too old to know how; update it, or stop the workers that run with --only send: texts wait then, too", doing, s.options.HostPort)
	case errors.As(err, &denied):
		return nil, fmt.Errorf("%s: Temporal at %s does not allow it; use a TEMPORAL_API_KEY that may write to namespace %q, or stop the workers that run with --only send: texts wait then, too", doing, s.options.HostPort, s.options.Namespace)
	}
	return taken.GetConfig(), s.explain(doing, err)
}

// sending looks up how the task queue of sending stands.
func (s *server) sending(ctx context.Context, queue string) (sending, error) {
	described, err := s.taskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	return sendingOf(queue, described), err
}

func sendingOf(queue string, described *workflowservice.DescribeTaskQueueResponse) sending {
	now := sending{TaskQueue: queue, queued: queuedIn(described)}
	limit := described.GetConfig().GetQueueRateLimit()
	if limit.GetRateLimit() != nil && limit.GetRateLimit().GetRequestsPerSecond() == 0 {
		now.Paused, now.Why, now.By = true, limit.GetMetadata().GetReason(), limit.GetMetadata().GetUpdateIdentity()
		if at := limit.GetMetadata().GetUpdateTime(); at.IsValid() {
			since := at.AsTime()
			now.Since = &since
		}
		return now
	}
	// The server's own limit is one that nobody reaches.
	effective := described.GetEffectiveRateLimit()
	if from := effective.GetRateLimitSource(); from == enumspb.RATE_LIMIT_SOURCE_API || from == enumspb.RATE_LIMIT_SOURCE_WORKER {
		now.Rate = float64(effective.GetRequestsPerSecond())
	}
	return now
}

// taskQueue describes a task queue with all that the server knows of it.
func (s *server) taskQueue(ctx context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	described, err := s.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: s.options.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}, TaskQueueType: kind,
		ReportStats: true, ReportConfig: true,
	})
	return described, s.explain(fmt.Sprintf("looking up task queue %q", queue), err)
}

func queuedIn(described *workflowservice.DescribeTaskQueueResponse) queued {
	now := connect.LoadOf(described)
	return queued{Workers: now.Workers, Waiting: now.Waiting, Oldest: now.Oldest, Seconds: int64(now.Oldest / time.Second)}
}
