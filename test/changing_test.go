package test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

// visits is the task queue of the script that is changed under its contacts.
const visits = "visits"

type visit struct {
	Contact sms.Number `json:"contact"`
}

const (
	oldQuestion = "How was your visit? Reply with a number from 1 to 5."
	oldThanks   = "Thank you for your "
	greeting    = "Hi, Harbor Dental here."
	newQuestion = "How many stars, 1 to 5, would you give us?"
	newThanks   = "Thanks! We passed on your "
)

func visitOld(ctx workflow.Context, in visit) (string, error) {
	return ask(ctx, conversation.With(ctx, in.Contact), oldQuestion, oldThanks)
}

// visitNew greets first.
func visitNew(ctx workflow.Context, in visit) (string, error) {
	chat := conversation.With(ctx, in.Contact)
	if _, err := chat.Say(ctx, greeting); err != nil {
		return "", err
	}
	return ask(ctx, chat, newQuestion, newThanks)
}

// visitGuarded is visitNew for those who were not asked yet.
func visitGuarded(ctx workflow.Context, in visit) (string, error) {
	if workflow.GetVersion(ctx, "greeting", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return visitOld(ctx, in)
	}
	return visitNew(ctx, in)
}

func ask(ctx workflow.Context, chat *conversation.Chat, question, thanks string) (string, error) {
	stars, err := conversation.Ask(ctx, chat, conversation.Question[string]{Text: question, Answer: conversation.OneOf("1", "2", "3", "4", "5")})
	if err != nil {
		return "", err
	}
	_, err = chat.Say(ctx, thanks+stars+".")
	return stars, err
}

// A build is a worker of the script, with what it logs.
type build struct {
	worker.Worker
	log *lines
}

type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// runVisits starts a build of the script. Without an id it has no version.
func (w *world) runVisits(id string, script func(workflow.Context, visit) (string, error)) build {
	w.T.Helper()
	b := build{log: &lines{}}
	temporal, err := client.Dial(client.Options{
		HostPort: w.Settings["TEMPORAL_ADDRESS"], Namespace: w.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.NewTextHandler(b.log, nil))),
	})
	require.NoError(w.T, err)
	w.T.Cleanup(temporal.Close)
	b.Worker = worker.New(temporal, visits, versioned(visits, id))
	conversations.Telling{Teller: w.Client()}.Register(b)
	b.RegisterWorkflowWithOptions(script, workflow.RegisterOptions{Name: "Visit"})
	require.NoError(w.T, b.Start())
	b.Worker = once{b.Worker, sync.OnceFunc(b.Stop)}
	w.T.Cleanup(b.Stop)
	return b
}

// once is a worker that may be stopped by the test and at its end.
type once struct {
	worker.Worker
	stop func()
}

func (o once) Stop() { o.stop() }

func versioned(deployment, id string) worker.Options {
	options := worker.Options{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}}
	if id != "" {
		options.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: deployment, BuildID: id},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}
	}
	return options
}

// makeCurrent lets new work go to a build, as temporal worker deployment
// set-current-version does.
func (w *world) makeCurrent(deployment, id string) {
	w.T.Helper()
	w.Eventually(deployment+" "+id+" is current", func() bool {
		_, err := w.Temporal.WorkerDeploymentClient().GetHandle(deployment).SetCurrentVersion(w.Ctx(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: id})
		if err != nil {
			time.Sleep(200 * time.Millisecond) // the server has not heard of the build yet
		}
		return err == nil
	})
	w.Eventually("the task queues know of it", func() bool {
		described, err := w.Temporal.WorkflowService().DescribeWorkerDeployment(w.Ctx(), &workflowservice.DescribeWorkerDeploymentRequest{
			Namespace: w.Namespace, DeploymentName: deployment,
		})
		return err == nil && described.GetWorkerDeploymentInfo().GetRoutingConfigUpdateState() != enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
	})
}

// buildOf is the build that a workflow runs on.
func (w *world) buildOf(id string) string {
	w.T.Helper()
	d, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
	require.NoError(w.T, err)
	return d.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

// crowd are as many contacts, each with a visit of their own to come.
func crowd(n, from int) []sms.Number {
	contacts := make([]sms.Number, n)
	for i := range contacts {
		contacts[i] = sms.Number(fmt.Sprintf("+155598770%02d", from+i))
	}
	return contacts
}

func (w *world) visit(contact sms.Number) client.WorkflowRun {
	w.T.Helper()
	run, err := w.Temporal.ExecuteWorkflow(w.Ctx(), client.StartWorkflowOptions{ID: "visit:" + string(contact), TaskQueue: visits}, "Visit", visit{contact})
	require.NoError(w.T, err)
	return run
}

// hears checks all that a phone has received.
func (w *world) hears(contact sms.Number, want ...string) {
	w.T.Helper()
	w.Receives(contact, want[len(want)-1])
	require.Equal(w.T, want, e2e.Texts(w.Sim.Phone(contact).Messages()))
}

// TestChangedWithoutVersioning changes a script while fifty contacts wait to
// answer. A build that has other steps before the one that waits stops at them,
// and nothing is lost: it goes on with the old build, with a guard, or again.
func TestChangedWithoutVersioning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.runVisits("", visitOld)
	contacts := crowd(50, 0)
	runs := map[sms.Number]client.WorkflowRun{}
	for _, c := range contacts {
		runs[c] = w.visit(c)
	}
	for _, c := range contacts {
		w.hears(c, oldQuestion)
	}
	old.Stop()

	// Without a guard.
	broken := w.runVisits("", visitNew)
	first, second := contacts[0], contacts[1]
	w.Text(first, "4")
	failure := w.awaitFailedTask("visit:" + string(first))
	require.Equal(t, enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, failure.GetCause())
	require.Contains(t, failure.GetFailure().GetMessage(), "TMPRL1100")
	t.Logf("in the history: %s: %s", failure.GetCause(), failure.GetFailure().GetMessage())
	w.Eventually("the worker says so", func() bool { return strings.Contains(broken.log.String(), "TMPRL1100") })
	for line := range strings.Lines(broken.log.String()) {
		if strings.Contains(line, "TMPRL1100") {
			t.Logf("in the log: %.600s", line)
			break
		}
	}
	late := crowd(1, 90)[0]
	w.visit(late)
	w.hears(late, greeting, newQuestion)
	w.Text(second, "STOP")
	w.hears(second, oldQuestion, wire.DefaultSettings().OptOutReply)
	require.Equal(t, []string{oldQuestion}, e2e.Texts(w.Sim.Phone(first).Messages()), "the script stands still")

	// Forward, one script at a time: it begins once more, on this build.
	third, fourth := contacts[2], contacts[3]
	w.Text(third, "4")
	w.awaitFailedTask("visit:" + string(third))
	w.reset("visit:" + string(third))
	w.hears(third, oldQuestion, greeting, newQuestion)
	w.Text(third, "3")
	w.hears(third, oldQuestion, greeting, newQuestion, newThanks+"3.")
	require.NoError(t, w.Temporal.TerminateWorkflow(w.Ctx(), "visit:"+string(fourth), "", "test"))
	w.visit(fourth)
	w.hears(fourth, oldQuestion, greeting, newQuestion)
	w.Text(fourth, "2")
	w.hears(fourth, oldQuestion, greeting, newQuestion, newThanks+"2.")
	fifth := contacts[4]
	w.reset("visit:" + string(fifth)) // its first question stays open, and nobody waits for that answer
	w.hears(fifth, oldQuestion, greeting)
	w.Text(fifth, "1")
	w.hears(fifth, oldQuestion, greeting, newQuestion)
	w.Text(fifth, "2")
	w.hears(fifth, oldQuestion, greeting, newQuestion, newThanks+"2.")
	broken.Stop()

	// Back to the old build.
	old = w.runVisits("", visitOld)
	w.hears(first, oldQuestion, oldThanks+"4.")
	require.Error(t, runs[second].Get(w.Ctx(), nil), "opted out")
	old.Stop()

	// With a guard.
	w.runVisits("", visitGuarded)
	later := crowd(5, 50)
	for _, c := range later {
		w.visit(c)
		w.Receives(c, newQuestion)
	}
	began := time.Now()
	rest := contacts[5:]
	for _, c := range append(later, rest...) {
		w.Text(c, "5")
	}
	for _, c := range rest {
		w.hears(c, oldQuestion, oldThanks+"5.")
		require.NoError(t, runs[c].Get(w.Ctx(), nil))
	}
	for _, c := range later {
		w.hears(c, greeting, newQuestion, newThanks+"5.")
	}
	w.Text(late, "5") // it began on the new steps without the guard, and looks like an old one
	w.awaitFailedTask("visit:" + string(late))
	t.Logf("with a guard: %d ended on the old words, %d on the new, in %s", len(rest), len(later), time.Since(began).Round(time.Millisecond))
}

// TestWhatBreaksAWaitingScript changes what a script does before it waits for its
// answer, and replays it: docs/changing-scripts.md has this as a table.
func TestWhatBreaksAWaitingScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.runVisits("", visitOld)
	w.visit(ana)
	w.Receives(ana, oldQuestion)
	w.firstTask("visit:" + string(ana)) // what it says may leave before that has been recorded
	history := w.history("visit:"+string(ana), "")
	first := func(do func(workflow.Context, *conversation.Chat) error) func(workflow.Context, visit) (string, error) {
		return func(ctx workflow.Context, in visit) (string, error) {
			chat := conversation.With(ctx, in.Contact)
			if err := do(ctx, chat); err != nil {
				return "", err
			}
			return ask(ctx, chat, oldQuestion, oldThanks)
		}
	}
	questionBefore := first(func(ctx workflow.Context, chat *conversation.Chat) error {
		_, err := ask(ctx, chat, newQuestion, newThanks)
		return err
	})
	old.Stop()
	w.runVisits("", questionBefore)
	w.Text(ana, "5")
	heard := func() []string { return e2e.Texts(w.Sim.Phone(ana).Messages()) }
	w.Eventually("asked once more", func() bool { return len(heard()) == 3 })
	require.Equal(t, []string{oldQuestion, newThanks + "5.", oldQuestion}, heard(), "nobody is told")

	tests := []struct {
		name   string
		script func(workflow.Context, visit) (string, error)
		breaks bool
	}{
		{"other words", func(ctx workflow.Context, in visit) (string, error) {
			return ask(ctx, conversation.With(ctx, in.Contact), newQuestion, newThanks)
		}, false},
		{"another timeout, other answers, more attempts", func(ctx workflow.Context, in visit) (string, error) {
			return conversation.Ask(ctx, conversation.With(ctx, in.Contact), conversation.Question[string]{Text: oldQuestion, Answer: conversation.AnyText(), Attempts: 3, Timeout: time.Hour})
		}, false},
		{"another sender, a reference", func(ctx workflow.Context, in visit) (string, error) {
			return ask(ctx, conversation.With(ctx, in.Contact, conversation.Over(ours2), conversation.About("A-17")), oldQuestion, oldThanks)
		}, false},
		{"more after the answer", func(ctx workflow.Context, in visit) (string, error) {
			chat := conversation.With(ctx, in.Contact)
			if _, err := ask(ctx, chat, oldQuestion, oldThanks); err != nil {
				return "", err
			}
			return ask(ctx, chat, newQuestion, newThanks)
		}, false},
		{"a question before, which takes the answer", questionBefore, false},
		{"a guard", visitGuarded, false},

		{"a text before", visitNew, true},
		{"an activity before", first(func(ctx workflow.Context, _ *conversation.Chat) error {
			_, err := conversation.Do[string](ctx, "LookUp")
			return err
		}), true},
		{"a sleep before", first(func(ctx workflow.Context, _ *conversation.Chat) error {
			return conversation.SleepUntil(ctx, workflow.Now(ctx).Add(time.Hour))
		}), true},
		{"a side effect before", first(func(ctx workflow.Context, _ *conversation.Chat) error {
			var n int
			return workflow.SideEffect(ctx, func(workflow.Context) any { return 1 }).Get(&n)
		}), true},
		{"a text instead", func(ctx workflow.Context, in visit) (string, error) {
			_, err := conversation.With(ctx, in.Contact).Say(ctx, greeting)
			return "", err
		}, true},
		{"nothing any more", func(workflow.Context, visit) (string, error) { return "", nil }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := replay(t, "Visit", tt.script, history)
			if !tt.breaks {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "TMPRL1100")
		})
	}
}

func (w *world) history(id, runID string) *historypb.History {
	w.T.Helper()
	history := &historypb.History{}
	for events := w.Temporal.GetWorkflowHistory(w.Ctx(), id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		require.NoError(w.T, err)
		history.Events = append(history.Events, event)
	}
	return history
}

func replay(t *testing.T, name string, script any, history *historypb.History) error {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(script, workflow.RegisterOptions{Name: name})
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history)
}

// awaitFailedTask waits until a workflow task of a workflow has failed.
func (w *world) awaitFailedTask(id string) *historypb.WorkflowTaskFailedEventAttributes {
	w.T.Helper()
	var failed *historypb.WorkflowTaskFailedEventAttributes
	w.Eventually("a task of "+id+" fails", func() bool {
		for _, event := range w.history(id, "").GetEvents() {
			if a := event.GetWorkflowTaskFailedEventAttributes(); a != nil {
				failed = a
			}
		}
		return failed != nil
	})
	return failed
}

// TestChangedWithVersioning does the same with two builds side by side, and
// needs no guard. Conversations move to the new build meanwhile.
func TestChangedWithVersioning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2e.Setting("TEMPORAL_DEPLOYMENT_NAME", "parley"), e2e.Setting("TEMPORAL_WORKER_BUILD_ID", "1"))
	require.True(t, w.Worker[0].Said("deployment=parley build=1"))
	w.makeCurrent("parley", "1")
	old := w.runVisits("1", visitOld)
	w.makeCurrent(visits, "1")
	contacts, later := crowd(50, 0), crowd(5, 50)
	runs := map[sms.Number]client.WorkflowRun{}
	for _, c := range contacts {
		runs[c] = w.visit(c)
	}
	for _, c := range contacts {
		w.hears(c, oldQuestion)
	}

	w.runVisits("2", visitNew)
	w.makeCurrent(visits, "2")
	for _, c := range later {
		runs[c] = w.visit(c)
	}
	for _, c := range later {
		w.hears(c, greeting, newQuestion)
		require.Equal(t, "1", w.buildOf(wire.ID(c, "")), "a new script and an old conversation")
	}
	before := w.Worker
	w.Settings["TEMPORAL_WORKER_BUILD_ID"] = "2"
	w.StartWorker()
	w.makeCurrent("parley", "2")
	began := time.Now()
	for _, c := range append(later, contacts...) {
		w.Text(c, "5")
	}
	on := map[string]int{}
	for _, c := range contacts {
		w.hears(c, oldQuestion, oldThanks+"5.")
		require.NoError(t, runs[c].Get(w.Ctx(), nil))
		require.Equal(t, "1", w.buildOf("visit:"+string(c)))
		on[w.buildOf(wire.ID(c, ""))]++
	}
	for _, c := range later {
		w.hears(c, greeting, newQuestion, newThanks+"5.")
		require.NoError(t, runs[c].Get(w.Ctx(), nil))
		require.Equal(t, "2", w.buildOf("visit:"+string(c)))
	}
	t.Logf("with versioning: %d ended on build 1, %d on build 2, in %s; their conversations: %v", len(contacts), len(later), time.Since(began).Round(time.Millisecond), on)
	require.Equal(t, map[string]int{"2": len(contacts)}, on, "conversations hold no old build")

	// The old ones are done, so their builds may go.
	old.Stop()
	w.Worker, before = before, w.Worker
	w.StopWorker()
	w.Worker = before
	w.Text(contacts[0], "hello")
	w.Receives(contacts[0], youSaid("hello"))
}

// TestVersioningIsTurnedOnAndOff: the first build that is made current takes over
// what runs without a version, and conversations go back when there is none.
func TestVersioningIsTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Start("feedback", "Feedback", feedback(ana, "the shop"))
	w.Receives(ana, "How was your visit")
	without := w.Worker
	w.Settings["TEMPORAL_DEPLOYMENT_NAME"], w.Settings["TEMPORAL_WORKER_BUILD_ID"] = "parley", "1"
	w.StartWorker()
	w.makeCurrent("parley", "1")
	with := w.Worker
	w.Worker = without
	w.StopWorker()
	w.Text(ana, "5")
	w.Receives(ana, "glad you liked it")
	require.Equal(t, "1", w.buildOf("feedback"))
	require.Equal(t, "1", w.buildOf(wire.ID(ana, "")))

	delete(w.Settings, "TEMPORAL_DEPLOYMENT_NAME")
	delete(w.Settings, "TEMPORAL_WORKER_BUILD_ID")
	w.StartWorker()
	w.makeCurrent("parley", "") // none
	without, w.Worker = w.Worker, with
	w.StopWorker()
	w.Worker = without
	for _, c := range []sms.Number{ana, bob} {
		w.Text(c, "hello")
		w.Receives(c, youSaid("hello"))
		require.Empty(t, w.buildOf(wire.ID(c, "")))
	}
}

// TestSleepsOntoTheNewBuild: a script is pinned, but one that has slept for more
// than a day before its first word says it in the newest build's words. What
// sends has no version, and sends for both.
func TestSleepsOntoTheNewBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2e.Setting("TEMPORAL_DEPLOYMENT_NAME", "parley"), e2e.Setting("TEMPORAL_WORKER_BUILD_ID", "1"), e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"),
		e2e.Server("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"))
	w.makeCurrent("parley", "1")
	in := func(contact sms.Number, remind time.Duration) workflows.Appointment {
		start := time.Now().Add(100 * time.Hour)
		return workflows.Appointment{ID: "A-" + string(contact[8:]), Contact: contact, FirstName: "Ana", Business: "Harbor Dental", Start: start, Zone: "Europe/Berlin", RemindBefore: workflows.Duration(remind)}
	}
	start := func(a workflows.Appointment) string {
		run, err := w.Temporal.ExecuteWorkflow(w.Ctx(), client.StartWorkflowOptions{ID: "appointment:" + a.ID, TaskQueue: "parley"}, "AppointmentConfirmation", a)
		require.NoError(t, err)
		return run.GetID()
	}
	asleep, awake := start(in(ana, 48*time.Hour)), start(in(bob, 100*time.Hour))
	w.Receives(bob, "Harbor Dental")
	w.Eventually("asleep", func() bool { return w.buildOf(asleep) == "1" })

	w.runNewParley("2")
	w.makeCurrent("parley", "2")
	w.fastForward(asleep, 52*time.Hour)
	w.Receives(ana, "New Harbor Dental")
	require.Equal(t, "2", w.buildOf(asleep))
	runs := w.runs(asleep, 2)
	require.Len(t, runs, 2, "it was begun again")
	for _, run := range runs {
		require.NoError(t, replay(t, "AppointmentConfirmation", workflows.AppointmentConfirmation, w.history(asleep, run)))
	}

	w.Text(ana, "yes")
	w.Receives(ana, "Thank you! See you on")
	w.Text(bob, "no")
	w.Receives(bob, "Harbor Dental will not expect you")
	require.Equal(t, "1", w.buildOf(awake), "it had spoken")
	require.Equal(t, "2", w.buildOf(wire.ID(bob, "")))
	for _, c := range []sms.Number{ana, bob} {
		require.Len(t, e2e.Texts(w.Sim.Phone(c).Messages()), 2, "nothing twice")
	}
}

// runNewParley starts a build of all but sending, in which the business has a
// new name.
func (w *world) runNewParley(id string) {
	w.T.Helper()
	b := worker.New(w.Temporal, "parley", versioned("parley", id))
	settings := wire.DefaultSettings()
	settings.SendTaskQueue = w.Settings["PARLEY_SEND_TASK_QUEUE"]
	engine.Register(b, &engine.Toolkit{
		Settings: settings, Scripts: conversations.TemporalScripts{Client: w.Temporal, TaskQueue: "parley"},
	})
	conversations.Telling{Teller: w.Client()}.Register(b)
	b.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.Appointment) (workflows.AppointmentResult, error) {
		in.Business = "New " + in.Business
		return workflows.AppointmentConfirmation(ctx, in)
	}, workflow.RegisterOptions{Name: "AppointmentConfirmation"})
	for _, a := range []any{&activities.Responder{}, activities.Services{}.TellService} {
		b.RegisterActivity(a)
	}
	require.NoError(w.T, b.Start())
	w.T.Cleanup(b.Stop)
}
