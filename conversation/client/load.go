package client

import (
	"time"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// PollTime is how long a worker may wait for work before it asks again, with some
// room: whoever was not heard of for longer is gone.
const PollTime = 90 * time.Second

// A Load is the work that waits in a task queue, and who asks for it.
type Load struct {
	Workers int
	Waiting int64 // tasks, about
	Oldest  time.Duration
}

// LoadOf reads a task queue that was described with its stats.
func LoadOf(described *workflowservice.DescribeTaskQueueResponse) Load {
	alive := map[string]bool{}
	for _, poller := range described.GetPollers() {
		if IsAlive(poller) {
			alive[poller.GetIdentity()] = true
		}
	}
	stats := described.GetStats()
	return Load{Workers: len(alive), Waiting: stats.GetApproximateBacklogCount(), Oldest: stats.GetApproximateBacklogAge().AsDuration()}
}

// IsAlive reports whether a worker was heard of lately.
func IsAlive(poller *taskqueuepb.PollerInfo) bool {
	return time.Since(poller.GetLastAccessTime().AsTime()) < PollTime
}
