package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/sms"
	"parley/test/e2e"
)

// parley runs the command line with nothing but the task queue and the server's
// address: no credentials of the carrier's.
func (w *world) parley(args ...string) []byte {
	w.T.Helper()
	command := exec.CommandContext(w.Ctx(), filepath.Join(e2e.Bin, "parley"), args...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.Dir, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "PARLEY_SEND_TASK_QUEUE", "PARLEY_ID_KEY", "PARLEY_ENCRYPTION_KEYS"} {
		command.Env = append(command.Env, name+"="+w.Settings[name])
	}
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	require.NoError(w.T, command.Run(), "%v: %s", args, complaints.String())
	return out.Bytes()
}

// sendingState is what parley prints about sending.
type sendingState struct {
	TaskQueue string  `json:"task_queue"`
	Paused    bool    `json:"paused"`
	Why       string  `json:"why"`
	By        string  `json:"by"`
	Rate      float64 `json:"rate"`
	Workers   int     `json:"workers"`
	Waiting   int     `json:"waiting"`
}

func (w *world) sending(args ...string) sendingState {
	w.T.Helper()
	var s sendingState
	printed := w.parley(append(args, "--json")...)
	require.NoError(w.T, json.Unmarshal(printed, &s), "%s", printed)
	return s
}

// part starts a worker of one part.
func (w *world) part(only string, settings map[string]string) {
	w.T.Helper()
	w.Workers++
	p := w.Run(fmt.Sprint("worker-", w.Workers), "worker", settings, "--only", only)
	w.Await(p, func(context.Context) bool { return p.Said("msg=ready") })
}

// without is the world's settings without some.
func (w *world) without(names ...string) map[string]string {
	settings := map[string]string{}
	for name, value := range w.Settings {
		if !slices.Contains(names, name) {
			settings[name] = value
		}
	}
	return settings
}

// Paused, nothing leaves, and nothing else stands still: texts are taken, STOP
// counts, replies are decided on. Resumed, all leaves in order, once.
func TestSendingIsPaused(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"))
	w.StopWorker()
	w.part("conversations", w.without("SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET"))
	w.part("send", w.Settings)
	stops := number(1)
	for _, contact := range []sms.Number{ana, bob, stops} {
		w.Text(contact, "hello")
		w.Receives(contact, youSaid("hello"))
	}

	paused := w.sending("pause-sending", "--why", "the carrier asks us to wait")
	require.True(t, paused.Paused)
	require.Equal(t, "the carrier asks us to wait", paused.Why)
	require.NotEmpty(t, paused.By)
	require.Equal(t, "sending", paused.TaskQueue)
	require.Positive(t, paused.Workers)
	require.Equal(t, paused.Why, w.sending("pause-sending").Why, "once more changes nothing")

	// The worker waits for work all the while, and is not given any.
	w.Text(ana, "one")
	w.Text(ana, "two")
	require.Equal(t, 202, w.Message(bob, "Your order has left.", "order-7"))
	require.Equal(t, 202, w.Message(bob, "It will be there at noon.", "order-7b"))
	w.Text(stops, "goodbye")
	w.Eventually("the reply waits", func() bool { return w.pendingSend(stops) != nil })
	w.Text(stops, "STOP")
	w.Eventually("STOP counts", func() bool { return w.State(stops).OptedOut != nil })
	w.Eventually("replies are decided on", func() bool { return len(w.State(ana).Outbox) >= 1 })
	w.Eventually("messages wait", func() bool { return len(w.State(bob).Outbox) == 2 })
	w.Eventually("the server counts them", func() bool { return w.sending("pause-sending").Waiting >= 3 })
	require.Len(t, w.Sim.Sent(), 3, "nothing left")

	resumed := w.sending("resume-sending")
	require.False(t, resumed.Paused)
	require.Empty(t, resumed.Why)
	require.Zero(t, resumed.Rate)
	w.Receives(stops, "unsubscribed")
	w.Receives(bob, "at noon")
	w.Receives(ana, youSaid("two"))
	require.False(t, w.sending("resume-sending").Paused)
	for _, contact := range []sms.Number{ana, bob, stops} {
		w.Eventually("everything has left", func() bool { return len(w.State(contact).Outbox) == 0 })
		require.Empty(t, w.State(contact).Parked)
	}
	require.Equal(t, []string{youSaid("hello"), "Your order has left.", "It will be there at noon."}, e2e.Texts(w.Sim.Phone(bob).Messages()))
	fromParley := e2e.Texts(w.Sim.Phone(stops).Messages())
	require.Len(t, fromParley, 2, "what waited when the contact said STOP is dropped: %q", fromParley)
	require.Equal(t, youSaid("one"), e2e.Texts(w.Sim.Phone(ana).Messages())[1])
}

// The server keeps the rate for the whole queue, however many workers there are,
// and keeps it again when sending was paused.
func TestSendingKeepsTheRate(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"), e2e.Setting("PARLEY_SEND_RATE", "2"))
	w.StartWorker()
	rate := func() (float32, enumspb.RateLimitSource) {
		described, err := w.Temporal.WorkflowService().DescribeTaskQueue(w.Ctx(), &workflowservice.DescribeTaskQueueRequest{
			Namespace: w.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: "sending"}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, ReportConfig: true,
		})
		require.NoError(t, err)
		return described.GetEffectiveRateLimit().GetRequestsPerSecond(), described.GetEffectiveRateLimit().GetRateLimitSource()
	}
	r, source := rate()
	require.InDelta(t, 2, r, 0.001, "of both workers together")
	require.Equal(t, enumspb.RATE_LIMIT_SOURCE_WORKER, source)

	r, source = func() (float32, enumspb.RateLimitSource) { w.sending("pause-sending"); return rate() }()
	require.Zero(t, r)
	require.Equal(t, enumspb.RATE_LIMIT_SOURCE_API, source)
	const contacts = 14
	for i := range contacts {
		require.Equal(t, 202, w.Message(number(i), "Your order has left.", fmt.Sprint("order-", i)))
	}
	w.Eventually("all wait", func() bool { return w.sending("pause-sending").Waiting == contacts })
	require.Empty(t, w.Sim.Sent())

	resumed := time.Now()
	require.InDelta(t, 2, w.sending("resume-sending").Rate, 0.001, "again the workers'")
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool { return len(w.Sim.Sent()) == contacts }))
	// Each of the queue's partitions may begin with one text more than its share.
	const partitions = 4
	require.GreaterOrEqual(t, time.Since(resumed), time.Duration(contacts-2*partitions)*time.Second/2)
	for i := range contacts {
		require.Len(t, e2e.Texts(w.Sim.Phone(number(i)).Messages()), 1)
	}
}
