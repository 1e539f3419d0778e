package doctor

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
	"parley/internal/wording"
)

// overdue is how long work may wait for a worker before a person should know.
const overdue = time.Minute

// work is what workers take from a task queue.
type work struct {
	queue, name string
	kind        enumspb.TaskQueueType
	start       string // what to start for it
}

// works are those of this installation.
func (e *examination) works() []work {
	all := []work{
		{e.temporal.TaskQueue, "workflows", enumspb.TASK_QUEUE_TYPE_WORKFLOW, "start a worker"},
		{e.temporal.TaskQueue, "activities", enumspb.TASK_QUEUE_TYPE_ACTIVITY, "start a worker"},
	}
	if e.temporal.SendsApart() {
		all = append(all, work{e.temporal.SendTaskQueue, "sending", enumspb.TASK_QUEUE_TYPE_ACTIVITY, "start a worker, such as worker --only send, with this PARLEY_SEND_TASK_QUEUE"})
	}
	return all
}

func (e *examination) examineTaskQueues(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	return e.taskQueues(func(w work) (*workflowservice.DescribeTaskQueueResponse, error) {
		return e.server.DescribeQueue(ctx, w.queue, w.kind)
	})
}

func (e *examination) taskQueues(describe func(work) (*workflowservice.DescribeTaskQueueResponse, error)) []Finding {
	var found []Finding
	described := map[string]*workflowservice.DescribeTaskQueueResponse{} // by the name of the work
	builds := map[string]string{}                                        // by the worker's identity
	for _, w := range e.works() {
		check := fmt.Sprintf("task queue %s, %s", w.queue, w.name)
		queue, err := describe(w)
		if err != nil {
			found = append(found, failed(check, "ask again; or may TEMPORAL_API_KEY read this?", "%v", err))
			continue
		}
		found = append(found, e.waiting(check, w, queue))
		described[w.name] = queue
		buildsOf(queue, builds)
	}
	e.current = nameOf(described["workflows"].GetVersioningInfo().GetCurrentDeploymentVersion())
	found = append(found, e.examineSending(described["sending"]), e.workersFound(builds))
	return append(found, examineBuilds(described["workflows"])...)
}

// waiting judges what waits in a task queue. Paused sending may wait for long.
func (e *examination) waiting(check string, w work, queue *workflowservice.DescribeTaskQueueResponse) Finding {
	now := conversations.SendingOf(w.queue, queue)
	queued := wording.Queued(now.Queued)
	switch {
	case now.Workers == 0:
		return failed(check, w.start+", or set the task queue that yours work on", "%s", queued)
	case now.Oldest > overdue && !now.Paused:
		return warned(check, "start more workers, or look at their logs", "%s", queued)
	}
	return fine(check, "%s", queued)
}

func (e *examination) examineSending(described *workflowservice.DescribeTaskQueueResponse) Finding {
	const check = "sending"
	now := conversations.SendingOf("", described)
	says := wording.Sending(now, e.Zone)
	switch {
	case !e.temporal.SendsApart():
		return fine(check, "not paused; with no task queue of its own it cannot be, and keeps no rate")
	case now.Paused:
		return warned(check, "parley resume-sending, once that is right again", "%s", says)
	}
	return fine(check, "%s", says)
}
