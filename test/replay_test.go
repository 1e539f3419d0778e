package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

// replay runs a worker's binary to its end, as before a deployment: with what
// leads to Temporal, and nothing else.
func (w *world) replay(t *testing.T, binary string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	command := exec.CommandContext(w.Ctx(), binary, append([]string{"replay"}, args...)...) //nolint:gosec // our own program
	command.Env = []string{
		"TEMPORAL_CONFIG_FILE=" + os.DevNull,
		"TEMPORAL_ADDRESS=" + w.Settings["TEMPORAL_ADDRESS"], "TEMPORAL_NAMESPACE=" + w.Settings["TEMPORAL_NAMESPACE"],
		"PARLEY_ENCRYPTION_KEYS=" + w.Settings["PARLEY_ENCRYPTION_KEYS"],
	}
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	t.Logf("worker replay %s: %d\n%s%s", strings.Join(args, " "), command.ProcessState.ExitCode(), &out, &errs)
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// changed builds a worker whose file says something else.
func changed(t *testing.T, file, old, replacement string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	require.Contains(t, string(source), old)
	dir := t.TempDir()
	other := filepath.Join(dir, "other.go")
	require.NoError(t, os.WriteFile(other, bytes.Replace(source, []byte(old), []byte(replacement), 1), 0o600)) //nolint:gosec // a temporary folder
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, file): other}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	binary := filepath.Join(dir, "worker")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./worker") //nolint:gosec // our own program
	build.Dir = root
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return binary
}

// TestReplayBeforeADeployment: conversations and scripts wait on a server. The
// build they run on goes on with them; one that would not is told from it, by a
// process that could stop a deployment.
func TestReplayBeforeADeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	status, out, _ := w.replay(t, filepath.Join(e2e.Bin, "worker"))
	require.Zero(t, status)
	require.Contains(t, out, "There was nothing to replay")

	w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Receives(ana, "the first shop")
	w.Start("feedback-2", "Feedback", feedback(bob, "the second shop"))
	w.Receives(bob, "the second shop")
	w.Text(bob, "2")
	w.Receives(bob, "What went wrong?")
	done := w.Start("feedback-3", "Feedback", feedback(cyd, "the third shop"))
	w.Receives(cyd, "the third shop")
	w.Text(cyd, "5")
	w.Receives(cyd, "We are glad")
	require.NoError(t, done.Get(w.Ctx(), nil))
	w.Start("appointment:A-17", "AppointmentConfirmation", appointment(cyd))
	w.Receives(cyd, "Does that suit you?")
	w.Text(ana, "blue")
	w.Receives(ana, "Please reply with one number")
	w.listed(7)

	status, out, _ = w.replay(t, filepath.Join(e2e.Bin, "worker"))
	require.Zero(t, status)
	require.Regexp(t, `(?m)^ +Conversation +3 +0 +3 +0 +0$`, out)
	require.Regexp(t, `(?m)^ +Feedback +2 +1 +3 +0 +0$`, out)
	require.Regexp(t, `(?m)^ +AppointmentConfirmation +1 +0 +1 +0 +0$`, out)

	t.Run("one more text", func(t *testing.T) {
		binary := changed(t, "workflows/feedback.go", "	why, err := conversation.Ask(", "	if _, err := chat.Say(ctx, \"Oh.\"); err != nil {\n		return Rating{}, err\n	}\n	why, err := conversation.Ask(")
		status, out, said := w.replay(t, binary)
		require.Equal(t, 1, status)
		require.Regexp(t, `(?m)^ +Conversation +3 +0 +3 +0 +0$`, out)
		require.Regexp(t, `(?m)^ +Feedback +2 +1 +2 +1 +0$`, out, "only the one that has asked why")
		require.Contains(t, out, "The first Feedback of 1 that would break (open):\n  workflow  feedback-2\n  run ")
		require.Contains(t, out, "this build would make 3, the last of TellConversation")
		require.Contains(t, out, "docs/changing-scripts.md")
		require.Regexp(t, `(?m)^worker: 1 of 7 would break on this build, the first is feedback-2, run [0-9a-f-]{36}$`, said)
	})
	t.Run("a pause before the question", func(t *testing.T) {
		binary := changed(t, "workflows/appointment.go", "	intent, err := in.ask(", "	if err := workflow.Sleep(ctx, time.Minute); err != nil {\n		return AppointmentResult{}, err\n	}\n	intent, err := in.ask(")
		status, out, _ := w.replay(t, binary, "--json")
		require.Equal(t, 1, status)
		var report struct {
			First struct {
				Type, What string
				WorkflowID string `json:"workflow_id"`
				Event      int
			}
		}
		require.NoError(t, json.Unmarshal([]byte(out), &report))
		require.Equal(t, "AppointmentConfirmation", report.First.Type)
		require.Equal(t, "appointment:A-17", report.First.WorkflowID)
		require.NotZero(t, report.First.Event)
		require.NotEmpty(t, report.First.What)
	})
	t.Run("a script removed", func(t *testing.T) {
		binary := changed(t, "workflows/register.go", `	{"Feedback", Feedback},`, "")
		status, out, _ := w.replay(t, binary)
		require.Equal(t, 1, status)
		require.Regexp(t, `(?m)^ +Feedback +2 +0 +0 +2 +0$`, out)
		require.Contains(t, out, "unable to find workflow type: Feedback")
	})
	t.Run("one workflow", func(t *testing.T) {
		status, out, _ := w.replay(t, filepath.Join(e2e.Bin, "worker"), "--workflow-id", "feedback-3", "--workflow-id", wire.ID(ana, ""))
		require.Zero(t, status)
		require.Regexp(t, `(?m)^ +Feedback +0 +1 +1 +0 +0$`, out)
		require.Regexp(t, `(?m)^ +Conversation +1 +0 +1 +0 +0$`, out)
	})
	t.Run("another task queue", func(t *testing.T) {
		status, out, _ := w.replay(t, filepath.Join(e2e.Bin, "worker"), "--task-queue", "elsewhere")
		require.Zero(t, status)
		require.Contains(t, out, "There was nothing to replay")
		require.Contains(t, out, "3 open Conversation on other task queues were not replayed")
	})
}

// listed waits until visibility shows so many runs that are not about to change.
func (w *world) listed(runs int) {
	w.T.Helper()
	w.Eventually("visibility shows all", func() bool {
		found := 0
		for _, filter := range []string{"ExecutionStatus = 'Running' AND WorkflowType != 'IDKey'", "ExecutionStatus = 'Completed'"} {
			list, err := w.Temporal.CountWorkflow(w.Ctx(), count(filter))
			require.NoError(w.T, err)
			found += int(list.GetCount())
		}
		return found == runs
	})
}

// TestSaveAnonymous saves what was said on a real server, and looks for anything
// in the files that a person wrote, or could be found by.
func TestSaveAnonymous(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2e.Setting("PARLEY_CONTINUE_AFTER", "60"), e2e.Setting("PARLEY_ENCRYPTION_KEYS", e2e.Must(encryption.NewKey("first"))))
	zoe := sms.Number("+15559876511")
	_, err := w.Client().Send(w.Ctx(), zoe, "", "key-Zanzibar-88", wire.SendRequest{Text: "Your Quetzalcoatl is ready.", Reference: "ord-Zanzibar-77", By: "Kimberlaine"})
	require.NoError(t, err)
	w.Receives(zoe, "Quetzalcoatl")
	w.Text(zoe, "Zażółć gęślą jaźń, call +15559876522 👍")
	w.Receives(zoe, "Zażółć")
	w.Sim.Next(sinchtest.OneShot{To: zoe, Fault: sinchtest.FaultError, Status: 403})
	_, err = w.Client().Send(w.Ctx(), zoe, "", "key-Zanzibar-99", wire.SendRequest{Text: "denied for Wolfeschlegel"})
	require.NoError(t, err)
	w.Eventually("parked", func() bool { return len(w.State(zoe).Parked) == 1 })
	require.NoError(t, w.Client().Skip(w.Ctx(), zoe, "", "enough-Zanzibar", wire.Mend{By: "Kimberlaine", Why: "called Wolfeschlegel"}))
	w.Eventually("skipped", func() bool { return len(w.State(zoe).Parked) == 0 })
	appointed := w.Start("appointment:Wolfeschlegel-17", "AppointmentConfirmation", strings.NewReplacer("A-17", "Wolfeschlegel-17", "Ana", "Wolfeschlegel", "Harbor Dental", "Quincunx Dental").Replace(appointment(zoe)))
	w.Receives(zoe, "Wolfeschlegel")
	w.Text(zoe, "yes, tell Kimberlaine")
	w.Receives(zoe, "See you on")
	require.NoError(t, appointed.Get(w.Ctx(), nil))
	rated := w.Start("feedback-of-Wolfeschlegel", "Feedback", feedback(zoe, "Quincunx Dental"))
	w.Receives(zoe, "Quincunx Dental? Reply")
	w.Text(zoe, "2")
	w.Receives(zoe, "What went wrong?")
	w.Text(zoe, "Everything was Quetzalcoatl")
	w.Receives(zoe, "We will do better")
	require.NoError(t, rated.Get(w.Ctx(), nil))
	w.Start("appointment:Wolfeschlegel-18", "AppointmentConfirmation", strings.NewReplacer("A-17", "Wolfeschlegel-18", "Ana", "Wolfeschlegel", "Harbor Dental", "Quincunx Dental").Replace(appointment(zoe)))
	w.Receives(zoe, "Wolfeschlegel")
	w.Text(zoe, "STOP")
	w.Receives(zoe, "unsubscribed")
	w.Eventually("visibility shows all", func() bool {
		list, err := w.Temporal.CountWorkflow(w.Ctx(), count("ExecutionStatus = 'Completed'"))
		require.NoError(t, err)
		return list.GetCount() == 3
	})
	w.Eventually("the last run has begun", func() bool { // one that has not cannot be replayed
		return w.describe(wire.ID(zoe, "")).GetWorkflowExecutionInfo().GetHistoryLength() > 3
	})

	folder := filepath.Join(t.TempDir(), "saved")
	status, out, _ := w.replay(t, filepath.Join(e2e.Bin, "worker"), "--save", folder)
	require.Zero(t, status)
	require.NotContains(t, out, "not saved")
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 4)
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		legible := readable(t, raw)
		for _, secret := range []string{
			"5559876511", "5559876522", "2065550100", "Zanzibar", "Quetzalcoatl", "Kimberlaine", "Wolfeschlegel", "Quincunx", "Zażółć", "Everything", "👍", "@" + host,
		} {
			require.NotContains(t, strings.ToLower(legible), strings.ToLower(secret), filepath.Base(file))
		}
	}

	// They are what a replay test reads, and what is replayed without a server.
	for _, file := range files {
		replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
		require.NoError(t, err)
		toolkit := &engine.Toolkit{Settings: wire.DefaultSettings()}
		replayer.RegisterWorkflowWithOptions(toolkit.Conversation, workflow.RegisterOptions{Name: wire.WorkflowType})
		for _, s := range workflows.Scripts {
			replayer.RegisterWorkflowWithOptions(s.Run, workflow.RegisterOptions{Name: s.Name})
		}
		require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
	}
	status, out, _ = w.replay(t, filepath.Join(e2e.Bin, "worker"), "--from", folder)
	require.Zero(t, status)
	require.Contains(t, out, "Replayed on this build, from "+folder)

	status, _, said := w.replay(t, filepath.Join(e2e.Bin, "worker"), "--save", folder)
	require.Equal(t, 1, status)
	require.Contains(t, said, "name one that does not exist yet")
}

var encoded = regexp.MustCompile(`"([A-Za-z0-9+/]{4,}={0,2})"`)

// readable is a file with what is in its payloads.
func readable(t *testing.T, raw []byte) string {
	t.Helper()
	all := string(raw)
	for _, m := range encoded.FindAllSubmatch(raw, -1) {
		if data, err := base64.StdEncoding.DecodeString(string(m[1])); err == nil {
			all += "\n" + string(data)
		}
	}
	require.Contains(t, all, `"encoding"`)
	return all
}

func count(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Query: query}
}

// TestReplayPaused: a run that is paused goes on one day, with another build.
func TestReplayPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allButtons)
	w.Start("feedback-1", "Feedback", feedback(ana, "the first shop"))
	w.Receives(ana, "the first shop")
	w.pauseWorkflow("feedback-1")
	w.Eventually("visibility shows it", func() bool {
		list, err := w.Temporal.CountWorkflow(w.Ctx(), count("ExecutionStatus = 'Paused'"))
		require.NoError(t, err)
		return list.GetCount() == 1
	})
	status, out, _ := w.replay(t, filepath.Join(e2e.Bin, "worker"))
	require.Zero(t, status)
	require.Regexp(t, `(?m)^ +Feedback +1 +0 +1 +0 +0$`, out)
}
