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

	"parley/conversation"
	"parley/sms"
	"parley/workflows"
)

// erase runs parley erase with the settings of the worker, until it ends or is
// killed, and returns what it printed.
func (w *world) erase(ctx context.Context, args ...string) (printed string, err error) {
	w.t.Helper()
	command := exec.CommandContext(ctx, filepath.Join(bin, "parley"), append([]string{"erase"}, args...)...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.dir, "PATH=" + os.Getenv("PATH")}
	for name, value := range w.settings {
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
	w.t.Helper()
	page, err := w.temporal.ListWorkflow(w.ctx(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(w.t, err)
	for _, info := range page.GetExecutions() {
		execution := info.GetExecution()
		history, err := w.temporal.WorkflowService().GetWorkflowExecutionHistory(w.ctx(), &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: w.namespace, Execution: execution, MaximumPageSize: 10_000,
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
	w := newWorld(t, setting("PARLEY_ID_KEY", idKey), setting("PARLEY_ARCHIVE_DIR", dir), setting("PARLEY_IDLE_AFTER", "168h"))
	for _, contact := range []sms.Number{ana, bob} {
		w.start("feedback:"+w.ids().Tag(contact), "Feedback", feedback(contact, "the shop"))
		w.receives(contact, "How was your visit")
		w.text(contact, "5")
		w.receives(contact, "Thank you")
		w.start("appointment:"+w.ids().Tag(contact), "AppointmentConfirmation", appointment(contact))
		w.receives(contact, "Reply")
		w.start("later:"+w.ids().Tag(contact), "AppointmentConfirmation", later(contact))
		w.sim.Text(contact, ours2, "And here?")
		w.receives(contact, `You said: "And here?"`)
	}
	w.eventually("the workflows are listed", func() bool { return len(w.mentions(ana)) >= 5 && len(w.mentions(bob)) >= 5 })
	before := len(w.mentions(bob))

	printed, err := w.erase(w.ctx(), string(ana), "--json")
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
		ctx, cancel := context.WithTimeout(w.ctx(), lived)
		_, _ = w.erase(ctx, string(ana), "--yes")
		cancel()
	}
	printed, err = w.erase(w.ctx(), string(ana), "--yes", "--json")
	require.NoError(t, err, printed)
	require.NoError(t, json.Unmarshal([]byte(printed), &certificate))
	require.Equal(t, w.ids().Tag(ana), certificate.Contact)
	require.NotContains(t, printed, string(ana[1:]), "a certificate holds no number")

	require.Empty(t, w.mentions(ana))
	require.False(t, filed(t, dir, ana))
	require.Len(t, w.mentions(bob), before)
	require.Equal(t, []string{w.ids().SuppressionID(ana)}, containing(w.workflowIDs(), w.ids().Tag(ana)))

	// Nobody texts the contact again, until the contact wants it.
	said := len(texts(w.sim.Phone(ana).Messages()))
	run := w.start("appointment:again", "AppointmentConfirmation", appointment(ana))
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.ctx(), &result))
	require.Equal(t, workflows.AppointmentOptedOut, result.Outcome)
	w.sim.Text(ana, ours, "Hello?")
	require.Equal(t, http.StatusAccepted, w.message(ana, "Your order has left.", "order-9"))
	w.eventually("the conversation has heard of all", func() bool {
		state := w.state(ana)
		return len(state.Skipped) == 1 && slices.ContainsFunc(state.Transcript, func(m conversation.Message) bool { return m.Text == "Hello?" })
	})
	require.Len(t, texts(w.sim.Phone(ana).Messages()), said)
	_, err = w.client().Send(w.ctx(), ana, ours2, "refused", conversation.SendRequest{Text: "Hello"})
	require.ErrorContains(t, err, "opted out", "over no sender")

	w.sim.Text(ana, ours, "START")
	w.receives(ana, "You are subscribed again")
	w.sim.Text(ana, ours, "Are you there?")
	w.receives(ana, `You said: "Are you there?"`)
	w.eventually("START is remembered", func() bool {
		suppressed, err := w.suppressions().Suppressed(w.ctx(), ana, "")
		return err == nil && suppressed.IsZero()
	})
	still, err := w.suppressions().Suppressed(w.ctx(), ana, ours2)
	require.NoError(t, err)
	require.False(t, still.IsZero(), "START was not said there")

	printed, err = w.erase(w.ctx(), string(ana), "--yes")
	require.NoError(t, err, printed)
	require.Contains(t, printed, "Erased, ")
	suppressed, err := w.suppressions().Suppressed(w.ctx(), ana, "")
	require.NoError(t, err)
	require.False(t, suppressed.IsZero(), "erasing again takes back what START allowed")
	require.Empty(t, w.mentions(ana))

	w.sim.Text(bob, ours, "yes")
	w.receives(bob, "See you")
}

func (w *world) suppressions() conversation.TemporalSuppressions {
	return conversation.TemporalSuppressions{Client: w.temporal, TaskQueue: "parley", IDs: w.ids()}
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
	printed, err := w.erase(w.ctx(), string(ana), "--yes")
	require.Error(t, err)
	require.Contains(t, printed, "erasing needs PARLEY_ID_KEY")
}
