package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// Sending is how the task queue of sending stands.
type Sending struct {
	TaskQueue string     `json:"task_queue"`
	Paused    bool       `json:"paused"`
	Why       string     `json:"why,omitempty"`
	By        string     `json:"by,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	Rate      float64    `json:"rate,omitempty"` // texts in a second; 0: no limit, unless paused
	Queued
}

// Queued is what waits in a task queue, and for how many workers.
type Queued struct {
	Workers int           `json:"workers"` // heard of lately, those that have just ended among them
	Waiting int64         `json:"waiting"`
	Oldest  time.Duration `json:"-"`
	Seconds int64         `json:"oldest_seconds"`
}

// A CannotLimit error says that the server does not change the rate of sending.
type CannotLimit struct {
	TooOld bool // it does not know how; else it does not allow it
	Err    error
}

func (e *CannotLimit) Error() string { return changingTheRate + ": " + e.Err.Error() }

// Unwrap returns the server's error.
func (e *CannotLimit) Unwrap() error { return e.Err }

const changingTheRate = "changing the rate of sending"

// PauseSending lets no text leave until ResumeSending, and returns how sending stands
// then. It is idempotent; a new reason replaces the one that is kept.
func (d Desk) PauseSending(ctx context.Context, queue, by, why string) (Sending, error) {
	now, err := d.Sending(ctx, queue)
	if err != nil || now.Paused && (why == "" || why == now.Why) {
		return now, err
	}
	return d.limit(ctx, queue, &taskqueuepb.RateLimit{RequestsPerSecond: 0}, by, why)
}

// ResumeSending lets texts leave again, and returns how sending stands then. It leaves
// a limit that is not a pause: somebody else has set that.
func (d Desk) ResumeSending(ctx context.Context, queue, by string) (Sending, error) {
	now, err := d.Sending(ctx, queue)
	if err != nil || !now.Paused {
		return now, err
	}
	return d.limit(ctx, queue, nil, by, "")
}

// Sending looks up how the task queue of sending stands.
func (d Desk) Sending(ctx context.Context, queue string) (Sending, error) {
	described, err := d.DescribeQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	return SendingOf(queue, described), err
}

// limit sets the rate of a queue's activities, or takes it back, and waits for that to
// be seen.
func (d Desk) limit(ctx context.Context, queue string, rate *taskqueuepb.RateLimit, by, why string) (Sending, error) {
	taken, err := d.setLimit(ctx, queue, rate, by, why)
	if err != nil {
		return Sending{}, err
	}
	waiting, cancel := d.WithPatience(ctx)
	defer cancel()
	// The part of the server that keeps the limit tells the one that sends go by.
	for {
		now, err := d.Sending(ctx, queue)
		if err != nil || now.follows(taken) || waiting.Err() != nil {
			return now, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// setLimit returns what the server took.
func (d Desk) setLimit(ctx context.Context, queue string, rate *taskqueuepb.RateLimit, by, why string) (*taskqueuepb.TaskQueueConfig, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	taken, err := d.Temporal.WorkflowService().UpdateTaskQueueConfig(ctx, &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: d.Namespace, Identity: by, TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: rate, Reason: why},
	})
	_, unknown := errors.AsType[*serviceerror.Unimplemented](err)
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	if unknown || denied {
		return nil, &CannotLimit{TooOld: unknown, Err: err}
	}
	return taken.GetConfig(), d.Explain(changingTheRate, err)
}

// follows reports whether sending stands as a change of its limit would have it.
func (s Sending) follows(taken *taskqueuepb.TaskQueueConfig) bool {
	asked := SendingOf(s.TaskQueue, &workflowservice.DescribeTaskQueueResponse{Config: taken})
	if s.Paused != asked.Paused || s.Why != asked.Why {
		return false
	}
	return s.Since == nil || asked.Since == nil || s.Since.Equal(*asked.Since)
}

// SendingOf reads how sending stands out of its task queue, which was described with
// stats and config.
func SendingOf(queue string, described *workflowservice.DescribeTaskQueueResponse) Sending {
	now := Sending{TaskQueue: queue, Queued: QueuedIn(described)}
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

// DescribeQueue describes a task queue with all that the server knows of it.
func (d Desk) DescribeQueue(ctx context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	described, err := d.Temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: d.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}, TaskQueueType: kind,
		ReportStats: true, ReportConfig: true,
	})
	return described, d.Explain(fmt.Sprintf("looking up task queue %q", queue), err)
}

// QueuedIn reads what waits in a task queue that was described with its stats.
func QueuedIn(described *workflowservice.DescribeTaskQueueResponse) Queued {
	now := LoadOf(described)
	return Queued{Workers: now.Workers, Waiting: now.Waiting, Oldest: now.Oldest, Seconds: int64(now.Oldest / time.Second)}
}
