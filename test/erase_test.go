package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

// erase runs parley erase with the settings of the worker, until it ends or is
// killed, and returns what it printed.
func (w *world) erase(ctx context.Context, args ...string) (printed string, err error) {
	w.T.Helper()
	command := exec.CommandContext(ctx, filepath.Join(e2e.Bin, "parley"), append([]string{"erase"}, args...)...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.Dir, "PATH=" + os.Getenv("PATH")}
	for name, value := range w.Settings {
		command.Env = append(command.Env, name+"="+value)
	}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err = command.Run()
	return out.String(), err
}

// later is an appointment whose reminder is far away: its script has said nothing yet.
func later(contact sms.Number) string {
	return fmt.Sprintf(`{"appointment_id":"B-18","contact":%q,"first_name":"Ana","business_name":"Harbor Dental","start":%q,"zone":"Europe/Berlin","remind_before":"24h"}`,
		contact, time.Now().AddDate(0, 2, 0).Format(time.RFC3339))
}

// mentions counts the workflows whose histories hold a number.
func (w *world) mentions(number sms.Number) (ids []string) {
	w.T.Helper()
	page, err := w.Temporal.ListWorkflow(w.Ctx(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(w.T, err)
	for _, info := range page.GetExecutions() {
		execution := info.GetExecution()
		history, err := w.Temporal.WorkflowService().GetWorkflowExecutionHistory(w.Ctx(), &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: w.Namespace, Execution: execution, MaximumPageSize: 10_000,
		})
		if err == nil && strings.Contains(history.String(), string(number)) {
			ids = append(ids, execution.GetWorkflowId())
		}
	}
	return ids
}

// filed reports whether a number stands in any file of a folder.
func filed(t *testing.T, dir string, number sms.Number) bool {
	t.Helper()
	files := os.DirFS(dir)
	found := false
	require.NoError(t, fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		found = found || bytes.Contains(content, []byte(number))
		return err
	}))
	return found
}

// TestErase: nothing is left of a contact but that there was somebody who is to be
// sent nothing; and nothing is missing of anybody else.
func TestErase(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	w := newWorld(t, e2e.Setting("PARLEY_ID_KEY", idKey), e2e.Setting("PARLEY_ARCHIVE_DIR", dir), e2e.Setting("PARLEY_IDLE_AFTER", "168h"))
	for _, contact := range []sms.Number{ana, bob} {
		w.Start("feedback:"+w.IDs().Tag(contact), "Feedback", feedback(contact, "the shop"))
		w.Receives(contact, "How was your visit")
		w.Text(contact, "5")
		w.Receives(contact, "Thank you")
		w.Start("appointment:"+w.IDs().Tag(contact), "AppointmentConfirmation", appointment(contact))
		w.Receives(contact, "Reply")
		w.Start("later:"+w.IDs().Tag(contact), "AppointmentConfirmation", later(contact))
		w.Sim.Text(contact, ours2, "And here?")
		w.Receives(contact, `You said: "And here?"`)
	}
	w.Eventually("the workflows are listed", func() bool { return len(w.mentions(ana)) >= 5 && len(w.mentions(bob)) >= 5 })
	before := len(w.mentions(bob))

	printed, err := w.erase(w.Ctx(), string(ana), "--json")
	require.NoError(t, err, printed)
	var certificate struct {
		Rehearsal     bool                                             `json:"rehearsal"`
		Contact       string                                           `json:"contact"`
		Conversations struct{ Ended, Deleted int }                     `json:"conversations"`
		Scripts       struct{ Ended, Deleted int }                     `json:"scripts"`
		Archive       *int                                             `json:"archive_records"`
		Sinch         *struct{ Messages struct{ Found, Deleted int } } `json:"sinch"`
	}
	require.NoError(t, json.Unmarshal([]byte(printed), &certificate))
	require.True(t, certificate.Rehearsal)
	require.Equal(t, 2, certificate.Conversations.Ended)
	require.Equal(t, 2, certificate.Scripts.Ended, "one asks, one sleeps; the third has ended")
	require.Equal(t, 3, certificate.Scripts.Deleted)
	require.GreaterOrEqual(t, len(w.mentions(ana)), 5, "a rehearsal touches nothing")

	// Killed anywhere, it goes on where it stopped.
	for _, lived := range []time.Duration{150 * time.Millisecond, 400 * time.Millisecond, 900 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(w.Ctx(), lived)
		_, _ = w.erase(ctx, string(ana), "--yes")
		cancel()
	}
	printed, err = w.erase(w.Ctx(), string(ana), "--yes", "--json")
	require.NoError(t, err, printed)
	require.NoError(t, json.Unmarshal([]byte(printed), &certificate))
	require.Equal(t, w.IDs().Tag(ana), certificate.Contact)
	require.NotContains(t, printed, string(ana[1:]), "a certificate holds no number")

	require.Empty(t, w.mentions(ana))
	require.False(t, filed(t, dir, ana))
	require.Len(t, w.mentions(bob), before)
	require.Equal(t, []string{w.IDs().SuppressionID(ana)}, containing(w.workflowIDs(), w.IDs().Tag(ana)))

	// Nobody texts the contact again, until the contact wants it.
	said := len(e2e.Texts(w.Sim.Phone(ana).Messages()))
	run := w.Start("appointment:again", "AppointmentConfirmation", appointment(ana))
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentOptedOut, result.Outcome)
	w.Sim.Text(ana, ours, "Hello?")
	require.Equal(t, http.StatusAccepted, w.Message(ana, "Your order has left.", "order-9"))
	w.Eventually("the conversation has heard of all", func() bool {
		state := w.State(ana)
		return len(state.Skipped) == 1 && slices.ContainsFunc(state.Transcript, func(m wire.Message) bool { return m.Text == "Hello?" })
	})
	require.Len(t, e2e.Texts(w.Sim.Phone(ana).Messages()), said)
	_, err = w.Client().Send(w.Ctx(), ana, ours2, "refused", wire.SendRequest{Text: "Hello"})
	require.ErrorContains(t, err, "opted out", "over no sender")

	w.Sim.Text(ana, ours, "START")
	w.Receives(ana, "You are subscribed again")
	w.Sim.Text(ana, ours, "Are you there?")
	w.Receives(ana, `You said: "Are you there?"`)
	w.Eventually("START is remembered", func() bool {
		suppressed, err := w.suppressions().Suppressed(w.Ctx(), ana, "")
		return err == nil && suppressed.IsZero()
	})
	still, err := w.suppressions().Suppressed(w.Ctx(), ana, ours2)
	require.NoError(t, err)
	require.False(t, still.IsZero(), "START was not said there")

	printed, err = w.erase(w.Ctx(), string(ana), "--yes")
	require.NoError(t, err, printed)
	require.Contains(t, printed, "Erased, ")
	suppressed, err := w.suppressions().Suppressed(w.Ctx(), ana, "")
	require.NoError(t, err)
	require.False(t, suppressed.IsZero(), "erasing again takes back what START allowed")
	require.Empty(t, w.mentions(ana))

	w.Sim.Text(bob, ours, "yes")
	w.Receives(bob, "See you")
}

func (w *world) suppressions() conversations.TemporalSuppressions {
	return conversations.TemporalSuppressions{Client: w.Temporal, TaskQueue: "parley", IDs: w.IDs()}
}

func containing(all []string, part string) (some []string) {
	for _, s := range all {
		if strings.Contains(s, part) {
			some = append(some, s)
		}
	}
	slices.Sort(some)
	return slices.Compact(some)
}

// TestEraseNeedsAKey: else the number itself would be what is kept of the contact.
func TestEraseNeedsAKey(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	printed, err := w.erase(w.Ctx(), string(ana), "--yes")
	require.Error(t, err)
	require.Contains(t, printed, "erasing needs PARLEY_ID_KEY")
}
