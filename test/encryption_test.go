package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/stack"
	"parley/sms"
	"parley/test/e2e"
	"parley/workflows"
)

const (
	keysSetting = "PARLEY_ENCRYPTION_KEYS"
	corrupted   = "Corrupted signal" // the SDK says so of a signal that it drops for good
)

// newKeys makes a key with each of these ids.
func newKeys(t *testing.T, ids ...string) []string {
	t.Helper()
	var entries []string
	for _, id := range ids {
		entry, err := encryption.NewKey(id)
		require.NoError(t, err)
		entries = append(entries, entry)
	}
	return entries
}

// rekey starts workers again that have these keys.
func (w *world) rekey(entries ...string) {
	w.T.Helper()
	w.StopWorker()
	w.Settings[keysSetting] = strings.Join(entries, ",")
	w.StartWorker()
}

// stuck waits until the worker has failed at a workflow for want of a key.
func (w *world) stuck(id, words string) {
	w.T.Helper()
	w.Eventually(id+" waits for a key", func() bool {
		described, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
		return err == nil && described.GetPendingWorkflowTask().GetAttempt() > 1 && w.workerSaid(words)
	})
	for _, p := range w.Worker {
		select {
		case <-p.Done():
			w.T.Fatalf("%s has ended", p.Name)
		default:
		}
		require.False(w.T, p.Said(corrupted), "no signal is dropped")
	}
}

// said reports whether any of the workers said so.
func (w *world) workerSaid(words string) bool {
	for _, p := range w.Worker {
		if p.Said(words) {
			return true
		}
	}
	return false
}

// complaint is what parley says is wrong, if it has these keys.
func (w *world) complaint(entries string, args ...string) string {
	w.T.Helper()
	command := exec.CommandContext(w.Ctx(), filepath.Join(e2e.Bin, "parley"), args...) //nolint:gosec // our own program
	command.Env = []string{
		"HOME=" + w.Dir, keysSetting + "=" + entries,
		"TEMPORAL_ADDRESS=" + w.Settings["TEMPORAL_ADDRESS"], "TEMPORAL_NAMESPACE=" + w.Namespace,
	}
	var complaints bytes.Buffer
	command.Stderr = &complaints
	require.Error(w.T, command.Run())
	return complaints.String()
}

// onDisk reports whether a server's database holds the words.
func onDisk(t *testing.T, file, words string) bool {
	t.Helper()
	files, err := filepath.Glob(file + "*") // and what SQLite writes beside it
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a journal, whose content is in the database by now
		}
		require.NoError(t, err)
		if bytes.Contains(content, []byte(words)) {
			return true
		}
	}
	return false
}

// What was written is in the server's database, and with keys it is not.
func TestNothingIsReadableOnTheServer(t *testing.T) {
	t.Parallel()
	const (
		written = "xylophone lessons" // by the contact
		sent    = "marmalade delivery"
	)
	for name, entries := range map[string]string{"without keys": "", "with a key": newKeys(t, "2026-11")[0]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "temporal.db")
			service := &service{busy: 1} // so that an error is recorded, too
			own := httptest.NewServer(service)
			t.Cleanup(own.Close)
			w := newWorld(t, e2e.Setting(keysSetting, entries), e2e.Server("--db-filename", file),
				e2e.Setting("PARLEY_RESPONDER_URL", own.URL+"/turn"), e2e.Setting("PARLEY_RESPONDER_TRIES", "1s"))

			w.Text(ana, written)
			w.Receives(ana, "Heard: "+written)
			run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
			w.Receives(ana, "Does that suit you?")
			w.Text(ana, "yes")
			w.Receives(ana, "See you on")
			require.Equal(t, 202, w.Message(ana, sent, "m-1"))
			w.Receives(ana, sent)
			require.NoError(t, run.Get(w.Ctx(), nil))

			encrypted := entries != ""
			var said strings.Builder
			for _, id := range []string{wire.ID(ana, ""), "appointment:A-17"} {
				for _, event := range w.history(id, "").GetEvents() {
					said.WriteString(protojson.Format(event))
				}
				described, err := conversations.Describe(w.Ctx(), w.Temporal, id, "")
				require.NoError(t, err)
				said.WriteString(protojson.Format(described))
			}
			require.Equal(t, encrypted, strings.Contains(said.String(), "Encoded failure"), "the words of errors")
			require.Equal(t, !encrypted, strings.Contains(said.String(), "it answered HTTP 503"), "the words of errors")
			begins := base64.StdEncoding.EncodeToString([]byte(`{"schema"`))
			require.Equal(t, !encrypted, strings.Contains(said.String(), begins), "the payload of an event")
			for _, words := range []string{written, sent, "Does that suit you?", "Harbor Dental"} {
				require.Equal(t, !encrypted, onDisk(t, file, words), words)
			}
			if encrypted {
				require.True(t, onDisk(t, file, encryption.Encoding), "it is this file")
			}
		})
	}
}

// The order is keys first, then what encrypts with them. Done wrong, it costs time
// and no text.
func TestWorkersWithoutTheKey(t *testing.T) {
	t.Parallel()
	entries := newKeys(t, "first", "other")
	first, other := entries[0], entries[1]
	same := "first" + strings.TrimPrefix(other, "other") // another key under the id of the first

	// One error of the responder is recorded, whose words are encrypted.
	own := &service{busy: 1}
	responder := httptest.NewServer(own)
	t.Cleanup(responder.Close)
	w := newWorld(t, e2e.Setting(keysSetting, first+","+other), e2e.Setting("PARLEY_RESPONDER_URL", responder.URL), e2e.Setting("PARLEY_RESPONDER_TRIES", "1s"))
	w.Text(ana, "zero")
	w.Receives(ana, "Heard: zero")
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")

	id := wire.ID(ana, "")
	answered := make(chan error, 1)
	for i, wrong := range []struct{ name, keys, words string }{
		{"no key", "", `encrypted with the key \"first\", which this program does not have`},
		{"another key", other, `encrypted with the key \"first\", which this program does not have`},
		{"another key under this id", same, `is not what was encrypted with the key \"first\"`},
	} {
		w.rekey(wrong.keys)
		switch i {
		case 0:
			w.Text(ana, "yes") // for the script that waits
			w.Text(ana, "one")
			w.Text(bob, "from somebody new")
			w.stuck(wire.ID(bob, ""), wrong.words)
			counted := ""
			for _, p := range w.Worker {
				counted += w.page(p)
			}
			require.Regexp(t, `temporal_workflow_task_execution_failed_total\{.*failure_reason="WorkflowError".*workflow_type="Conversation".*\} [1-9]`, counted, "an alert is about it")
			require.NotContains(t, counted, "temporal_corrupted_signals_total")
		case 1:
			w.Text(ana, "two")
			go func() {
				_, err := w.Client().Send(w.Ctx(), ana, "", "update-1", wire.SendRequest{Text: "by an update"})
				for e2e.TookLong(err) {
					_, err = w.Client().Send(w.Ctx(), ana, "", "update-1", wire.SendRequest{Text: "by an update"})
				}
				answered <- err
			}()
		case 2:
			w.Text(ana, "three")
		}
		w.stuck(id, wrong.words)
		require.Contains(t, w.complaint(first+","+other, "show", string(ana), "--timeout", "2s"), `one does, and fails at it: a payload is`)
	}

	w.rekey(other, first)
	w.Receives(ana, "See you on")
	var result workflows.AppointmentResult
	require.NoError(t, run.Get(w.Ctx(), &result))
	require.Equal(t, workflows.AppointmentConfirmed, result.Outcome)
	w.Receives(ana, "Heard: one")
	w.Receives(ana, "Heard: two")
	w.Receives(ana, "Heard: three")
	w.Receives(ana, "by an update")
	w.Receives(bob, "Heard: from somebody new")
	require.NoError(t, <-answered)
	got := e2e.Texts(w.Sim.Phone(ana).Messages())
	require.Len(t, got, 7, "each once: %q", got)
	var heard []string
	for _, text := range got {
		if strings.HasPrefix(text, "Heard: ") {
			heard = append(heard, text)
		}
	}
	require.Equal(t, []string{"Heard: zero", "Heard: one", "Heard: two", "Heard: three"}, heard)
	require.Empty(t, w.State(ana).Skipped)
	require.Empty(t, w.State(ana).Parked)
}

// A worker that only sends, and lacks the key, has surely not sent.
func TestSendingWithoutTheKey(t *testing.T) {
	t.Parallel()
	entry := newKeys(t, "first")[0]
	w := newWorld(t, e2e.Setting(keysSetting, entry), e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"))
	w.StopWorker()
	part := func(name, only string) *stack.Process {
		p := w.Run(name, "worker", w.Settings, "--only", only)
		w.Await(p, func(context.Context) bool { return p.Said("msg=ready") })
		return p
	}
	part("conversations", "conversations")
	w.Settings[keysSetting] = ""
	keyless := part("send-without", "send")

	w.Text(ana, "hello")
	w.Eventually("the send fails", func() bool { return keyless.Said(`encrypted with the key \"first\"`) })
	w.Eventually("the conversation waits", func() bool {
		outbox := w.State(ana).Outbox
		return len(outbox) == 1 && outbox[0].Delivery.Tries > 0 && outbox[0].Reason == "NO_ENCRYPTION_KEY"
	})
	require.Empty(t, e2e.Texts(w.Sim.Phone(ana).Messages()))
	require.NoError(t, keyless.Stop())
	w.Settings[keysSetting] = entry
	part("send-with", "send")
	w.Receives(ana, youSaid("hello"))
	state := w.State(ana)
	require.Empty(t, state.Parked)
	w.Eventually("it is settled", func() bool { return len(w.State(ana).Outbox) == 0 })
	sent := w.State(ana).Transcript[1]
	require.Zero(t, sent.Attempts, "there was no doubt")
	require.NotContains(t, steps(sent), sms.StatusUnknown)
	require.Len(t, e2e.Texts(w.Sim.Phone(ana).Messages()), 1)
}

func steps(m wire.Message) []sms.Status {
	var all []sms.Status
	for _, s := range m.Steps {
		all = append(all, s.Status)
	}
	return all
}

// Encryption is turned on, and a key replaced, while conversations run: keys for
// decrypting first, then the one to encrypt with.
func TestTurningOnAndRotating(t *testing.T) {
	t.Parallel()
	entries := newKeys(t, "first", "second")
	w := newWorld(t)
	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	last := func() string { // with which key the last text to us was encrypted
		t.Helper()
		id := ""
		for _, event := range w.history(wire.ID(bob, ""), "").GetEvents() {
			if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
				id = string(signal.GetInput().GetPayloads()[0].GetMetadata()[encryption.MetadataKeyID])
			}
		}
		return id
	}
	for _, step := range []struct{ keys, with string }{
		{"", ""},
		{"none," + entries[0], ""},
		{entries[0], "first"},
		{entries[0] + "," + entries[1], "first"},
		{entries[1] + "," + entries[0], "second"},
		{"none," + entries[1] + "," + entries[0], ""},
	} {
		w.rekey(step.keys)
		for _, p := range w.Webhooks {
			require.NoError(t, p.Stop())
		}
		w.StartWebhooks()
		words := "with " + step.keys[:min(len(step.keys), 10)]
		w.Text(bob, words)
		w.Receives(bob, youSaid(words))
		require.Equal(t, step.with, last())
		sealed := w.doctor(nil)["encryption"]
		require.Equal(t, "ok", sealed.Status, sealed)
		require.Contains(t, sealed.Found, step.with)
	}
	w.Text(ana, "yes")
	w.Receives(ana, "See you on")
	require.NoError(t, run.Get(w.Ctx(), nil))
	w.Eventually("all is recorded", func() bool { return len(w.State(bob).Transcript) == 12 })
}
