package test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/lookout"
	"parley/sms"
	"parley/test/e2e"
)

const stock = "CheckStock"

// broken is a script whose code does not stand what has happened, while bad is set.
func broken(bad *atomic.Bool) any {
	return func(ctx workflow.Context, in visit) (string, error) {
		answer, err := ask(ctx, conversation.With(ctx, in.Contact), "How many stars?", "Thanks for ")
		if bad.Load() {
			panic("index out of range")
		}
		return answer, err
	}
}

// wanting is a script that wants an activity which only some build has.
func wanting(ctx workflow.Context, in visit) (string, error) {
	conversation.With(ctx, in.Contact)
	return conversation.Do[string](ctx, stock)
}

// curt is a script that makes how its question ended its error.
func curt(ctx workflow.Context, in visit) (string, error) {
	return ask(ctx, conversation.With(ctx, in.Contact), "How many stars?", "Thanks for ")
}

// runWatched starts a worker of scripts with a lookout, as our own worker has one.
func (w *world) runWatched(log *lines, scripts map[string]any, activities ...string) (stop func()) {
	w.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b := worker.New(w.Temporal, visits, versioned(visits, ""))
	conversations.Telling{Teller: w.Client()}.Register(b)
	l := &lookout.Lookout{
		Desk: conversations.Desk{
			Client: w.Client(), Namespace: w.Namespace,
			Converter: converter.GetDefaultDataConverter(), Failures: temporal.GetDefaultFailureConverter(),
		},
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	for name, script := range scripts {
		b.RegisterWorkflowWithOptions(script, workflow.RegisterOptions{Name: name})
		l.Scripts = append(l.Scripts, name)
	}
	for _, name := range activities {
		b.RegisterActivityWithOptions(func(context.Context) (string, error) { return "3 left", nil }, activity.RegisterOptions{Name: name})
	}
	l.Register(b)
	require.NoError(w.T, b.Start())
	go l.Watch(ctx)
	stop = once{b, func() { cancel(); b.Stop() }}.Stop
	return stop
}

func (w *world) runScript(id, script string, contact sms.Number) client.WorkflowRun {
	w.T.Helper()
	run, err := w.Temporal.ExecuteWorkflow(w.Ctx(), client.StartWorkflowOptions{ID: id, TaskQueue: visits}, script, visit{contact})
	require.NoError(w.T, err)
	return run
}

// concern waits for the concern of a script, within a minute, and returns its reason.
func (w *world) concern(contact sms.Number, id string) (reason string) {
	w.T.Helper()
	began := time.Now()
	w.Eventually("a concern of "+id, func() bool {
		state, err := w.Client().State(w.Ctx(), contact, "")
		if err != nil {
			return false // it does not run yet
		}
		for _, c := range state.Concerns {
			if c.Cause == wire.CauseTrouble && c.Of == id {
				reason = c.Reason
			}
		}
		return reason != ""
	})
	w.T.Logf("%s: %q after %s", id, reason, time.Since(began).Round(time.Second))
	require.Less(w.T, time.Since(began), time.Minute)
	return reason
}

func (w *world) noConcern(contact sms.Number) {
	w.T.Helper()
	began := time.Now()
	w.Eventually("no concern is left", func() bool { return len(w.State(contact).Concerns) == 0 })
	w.T.Logf("settled after %s", time.Since(began).Round(time.Second))
}

// A script that stands still, or waits for what no worker has, is seen within a
// minute, and is no concern any more once a better build goes on with it.
func TestScriptsThatStandStillAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var bad atomic.Bool
	bad.Store(true)
	said := &lines{}
	scripts := map[string]any{"Broken": broken(&bad), "Wanting": wanting, "Curt": curt}
	stop := w.runWatched(said, scripts)
	panics := w.runScript("broken:1", "Broken", ana)
	w.Receives(ana, "How many stars?")
	w.Text(ana, "5")
	lacks := w.runScript("wanting:1", "Wanting", ana)
	stopped := w.runScript("curt:1", "Curt", bob)
	w.Receives(bob, "How many stars?")
	w.Text(bob, "STOP")
	require.ErrorContains(t, stopped.Get(w.Ctx(), nil), "opted out")

	require.Equal(t, "Wanting waits for the activity CheckStock, which no worker has", w.concern(ana, "wanting:1"))
	require.Equal(t, "Broken stands still (WorkflowWorkerUnhandledFailure): index out of range", w.concern(ana, "broken:1"))

	w.Eventually("it is listed", func() bool {
		list := string(w.parley("list", "--attention"))
		return strings.Contains(list, "Broken stands still") && strings.Contains(list, "Wanting waits for the activity")
	})
	found := w.doctor(nil)["scripts"]
	require.Equal(t, "warn", found.Status)
	require.Contains(t, found.Found, "2 scripts in trouble: ")
	require.Contains(t, found.Found, "Broken stands still (WorkflowWorkerUnhandledFailure), of +1•••543")
	require.Contains(t, found.Found, "Wanting waits for the activity CheckStock, which no worker has, of +1•••543")
	for _, line := range []string{
		`level=ERROR msg="A script is in trouble, and its conversation asks for a person" script=Broken contact=+1•••543 workflow=broken:1 reason="stands still (WorkflowWorkerUnhandledFailure)"`,
		`level=ERROR msg="A script is in trouble, and its conversation asks for a person" script=Wanting contact=+1•••543 workflow=wanting:1 reason="waits for the activity CheckStock, which no worker has"`,
	} {
		require.Equal(t, 1, strings.Count(said.String(), line), said.String())
	}
	require.NotContains(t, said.String(), "index out of range")

	stop()
	bad.Store(false)
	t.Cleanup(w.runWatched(said, scripts, stock))
	require.NoError(t, panics.Get(w.Ctx(), nil))
	require.NoError(t, lacks.Get(w.Ctx(), nil))
	w.noConcern(ana)
	require.Contains(t, said.String()+w.workersLog(), `msg="A script is in trouble no more" script=Broken`) // whichever looked first
	require.Empty(t, w.State(bob).Concerns, "how a question ended is no trouble")
	w.Eventually("the doctor sees it", func() bool { return w.doctor(nil)["scripts"].Status == "ok" })
}

// A script that fails, is terminated or cannot read its input is seen within a minute by
// our own worker. What is over starts no conversation.
func TestScriptsThatEndedAreSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2e.Setting("PARLEY_ENCRYPTION_KEYS", e2e.Must(encryption.NewKey("first")))) // what it was started with is read all the same
	w.Start("appointment:A-18", "AppointmentConfirmation", strings.Replace(appointment(bob), "Europe/Berlin", "Berlin", 1))
	w.Start("feedback-1", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "the shop")
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), "feedback-1", "", "a test"))
	w.Start("feedback-3", "Feedback", feedback(ana, "the third shop"))
	w.Receives(ana, "the third shop")
	w.reset("feedback-3") // which terminates the run that was
	w.Start("feedback-2", "Feedback", `{"contact":"`+string(ana)+`","business_name":5}`)
	far := strings.NewReplacer("A-17", "A-19", `"24h"`, `"1s"`).Replace(appointment(cyd)) // it sleeps, and has said nothing
	w.Start("appointment:A-19", "AppointmentConfirmation", far)
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), "appointment:A-19", "", "a test"))

	require.Equal(t, `AppointmentConfirmation failed (InvalidInput): zone "Berlin" is not known: use an IANA name such as Europe/Berlin (type: InvalidInput, retryable: false)`,
		w.concern(bob, "appointment:A-18"))
	require.Equal(t, "Feedback was terminated", w.concern(ana, "feedback-1"))
	require.Contains(t, w.concern(ana, "feedback-2"), "Feedback failed (")

	w.Eventually("the one whose contact has no conversation is logged", func() bool {
		return strings.Contains(w.workersLog(), `msg="A script is in trouble, and no conversation runs that could be told" script=AppointmentConfirmation contact=+1•••545`)
	})
	_, err := w.Client().State(w.Ctx(), cyd, "")
	require.ErrorContains(t, err, "not found", "no conversation was started")

	w.Eventually("both are listed", func() bool { return w.needsAttention(ana) && w.needsAttention(bob) })
	require.Contains(t, w.doctor(nil)["scripts"].Found, "3 scripts in trouble: ")

	// A person has looked, and started it again.
	require.NoError(t, w.Client().Skip(w.Ctx(), bob, "", "seen", wire.Mend{}))
	w.noConcern(bob)
	require.NoError(t, w.Temporal.CancelWorkflow(w.Ctx(), "feedback-3", ""))
	again := w.Start("feedback-1", "Feedback", feedback(ana, "the same shop"))
	w.Receives(ana, "the same shop")
	w.Text(ana, "5")
	require.NoError(t, again.Get(w.Ctx(), nil))
	w.Eventually("it is no concern any more", func() bool { return len(w.State(ana).Concerns) == 1 })
}
