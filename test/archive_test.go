package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/archive"
	"parley/sms"
	"parley/test/e2e"
)

// closed reports whether a conversation has completed.
func (w *world) closed(contact sms.Number) bool {
	described, err := conversations.Describe(w.Ctx(), w.Temporal, wire.ID(contact, ""), "")
	return err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
}

// kept is what a folder has of a contact: the words, oldest first, and the status
// of those that are ours.
func kept(t *testing.T, dir string, contact sms.Number) (words []string, statuses []sms.Status) {
	t.Helper()
	folder, err := archive.OpenDirectory(dir)
	require.NoError(t, err)
	records, err := folder.Recent(t.Context(), wire.ID(contact, ""), 100)
	require.NoError(t, err)
	for _, r := range records {
		require.NotEmpty(t, r.MessageID)
		words = append(words, r.Line.Text)
		if r.Message.Key != "" {
			statuses = append(statuses, r.Message.Status)
		}
	}
	return words, statuses
}

// keptIn is the file of a contact, as docs/services.md says.
func keptIn(dir string, contact sms.Number) string {
	sum := sha256.Sum256([]byte(wire.ID(contact, "")))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(dir, "conversations", name[:2], name+".jsonl")
}

// What was said stays when a conversation has closed, and the next one with the
// same contact knows it.
func TestArchive(t *testing.T) {
	t.Parallel()

	own := &service{}
	hooks := httptest.NewServer(own)
	t.Cleanup(hooks.Close)
	dir := filepath.Join(t.TempDir(), "archive")
	w := newWorld(t, e2e.Setting("PARLEY_ARCHIVE_DIR", dir), e2e.Setting("PARLEY_RESPONDER_URL", hooks.URL),
		e2e.Setting("PARLEY_DEVELOPMENT", "true"), e2e.Setting("PARLEY_IDLE_AFTER", "10s"), e2e.Setting("PARLEY_CONTINUE_AFTER", "30"))
	var said []string
	for _, part := range []string{"morning", "evening"} {
		for i := range 4 {
			words := part + " " + strconv.Itoa(i)
			w.Text(ana, words)
			w.Receives(ana, "Heard: "+words)
			w.quiet() // a quick thumb would be in the transcript before our own text
			own.mu.Lock()
			turn := own.turns[len(own.turns)-1]
			own.mu.Unlock()
			var told []string
			for _, line := range turn.Transcript {
				told = append(told, line.Text)
			}
			require.Equal(t, said, told, "the responder is told what was said before")
			said = append(said, words, "Heard: "+words)
		}
		require.Positive(t, w.State(ana).Run, "it continued as new")
		w.Eventually("the conversation closes", func() bool { return w.closed(ana) })
		words, statuses := kept(t, dir, ana)
		require.Equal(t, said, words)
		require.Equal(t, slices.Repeat([]sms.Status{sms.StatusDelivered}, len(said)/2), statuses)
	}

	raw, err := os.ReadFile(keptIn(dir, ana))
	require.NoError(t, err)
	lives := map[string]wire.Closing{} // by the first run; of several versions the last counts
	continued := 0
	for line := range strings.Lines(string(raw)) {
		var r activities.Record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		if r.Kind != wire.RecordConversation {
			continue
		}
		require.Equal(t, ana, r.Closing.Contact)
		lives[r.FirstRunID] = *r.Closing
		if r.Closing.Continues {
			continued++
		}
	}
	require.Len(t, lives, 2, "two conversations")
	for _, closing := range lives {
		require.False(t, closing.Continues)
		require.Positive(t, closing.Run)
	}
	require.Positive(t, continued, "runs that continued tell so")
}

// A worker is killed while it archives, and the contact writes meanwhile. Nothing
// is lost, nothing stands there twice, and nobody waits for the archive.
func TestWorkerIsKilledWhileItArchives(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute: the server waits for the attempt of the worker that was killed")
	}
	t.Parallel()

	dir := t.TempDir()
	w := newWorld(t, e2e.Setting("PARLEY_ARCHIVE_DIR", dir), e2e.Setting("PARLEY_DEVELOPMENT", "true"), e2e.Setting("PARLEY_IDLE_AFTER", "2s"))
	// Another process writes to the same file for a long time.
	require.NoError(t, os.MkdirAll(filepath.Dir(keptIn(dir, ana)), 0o700))
	file, err := os.Create(keptIn(dir, ana))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	w.Text(ana, "one")
	w.Receives(ana, youSaid("one"))
	w.Eventually("it archives", func() bool {
		begun, err := filepath.Glob(filepath.Join(dir, "runs", "*", "*"))
		return err == nil && len(begun) > 0
	})
	w.Worker.Kill()
	w.Text(ana, "two")
	w.StartWorker()
	w.Receives(ana, youSaid("two"))
	require.False(t, w.closed(ana))
	require.NoError(t, file.Close())

	w.Eventually("the conversation closes", func() bool { return w.closed(ana) })
	words, statuses := kept(t, dir, ana)
	require.Equal(t, []string{"one", youSaid("one"), "two", youSaid("two")}, words)
	require.Equal(t, []sms.Status{sms.StatusDelivered, sms.StatusDelivered}, statuses)
	require.Empty(t, w.State(ana).Concerns)
	require.Len(t, w.Sim.Sent(), 2)
}
