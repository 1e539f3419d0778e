package doctor

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/internal/connect"
)

// overdue is how long work may wait for a worker before somebody should know.
const overdue = time.Minute

func (e *examination) examineTaskQueues(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	type work struct {
		queue, name string
		kind        enumspb.TaskQueueType
		start       string // what to start for it
	}
	common := []work{
		{e.temporal.TaskQueue, "workflows", enumspb.TASK_QUEUE_TYPE_WORKFLOW, "start a worker"},
		{e.temporal.TaskQueue, "activities", enumspb.TASK_QUEUE_TYPE_ACTIVITY, "start a worker"},
	}
	if e.temporal.SendsApart() {
		common = append(common, work{e.temporal.SendTaskQueue, "sending", enumspb.TASK_QUEUE_TYPE_ACTIVITY, "start a worker, such as worker --only send, with this PARLEY_SEND_TASK_QUEUE"})
	}
	var found []Finding
	var sends *workflowservice.DescribeTaskQueueResponse
	builds := map[string]string{} // by the worker's identity
	var which []Finding           // of them gets new work
	for _, w := range common {
		check := fmt.Sprintf("task queue %s, %s", w.queue, w.name)
		described, err := e.server.TaskQueue(ctx, w.queue, w.kind)
		if err != nil {
			found = append(found, failed(check, "ask again; or may TEMPORAL_API_KEY read this?", "%v", err))
			continue
		}
		if w.name == "workflows" {
			which = examineBuilds(described)
		}
		now, queued := connect.LoadOf(described), e.server.Queued(described)
		paused := false
		if w.name == "sending" {
			sends = described
			paused, _ = e.server.Sending(described)
		}
		switch {
		case now.Workers == 0:
			found = append(found, failed(check, w.start+", or set the task queue that yours work on", "%s", queued))
		case now.Oldest > overdue && !paused:
			found = append(found, warned(check, "start more workers, or look at their logs", "%s", queued))
		default:
			found = append(found, fine(check, "%s", queued))
		}
		buildsOf(described, builds)
	}
	return append(append(found, e.examineSending(sends), e.workersFound(builds)), which...)
}

func (e *examination) examineSending(described *workflowservice.DescribeTaskQueueResponse) Finding {
	const check = "sending"
	paused, says := e.server.Sending(described)
	switch {
	case !e.temporal.SendsApart():
		return fine(check, "not paused; with no task queue of its own it cannot be, and keeps no rate")
	case paused:
		return warned(check, "parley resume-sending, once that is right again", "%s", says)
	}
	return fine(check, "%s", says)
}
