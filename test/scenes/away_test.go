package scenes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/stack"
	"parley/test/e2e"
)

// 9. The responder fails and Temporal is away while forty texts arrive. Each is
// answered once, in order, or parked with its words.
func TestEverythingIsAway(t *testing.T) {
	t.Parallel()

	const contacts, each = 8, 5
	model := &model{}
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	kept := filepath.Join(t.TempDir(), "temporal.db")
	w := e2e.New(t, e2e.Server("--db-filename", kept),
		e2e.Setting("PARLEY_RESPONDER_URL", server.URL), e2e.Setting("PARLEY_RESPONDER_TRIES", "10s,1s,1s,1s"))

	// One contact's texts are such that the responder answers nonsense, again and again.
	lost := number(contacts)
	w.Text(lost, "nonsense, please")
	for i := range contacts {
		w.Text(number(i), words(i, 0))
	}
	// What a worker has in its hands when Temporal goes would be missed for a minute.
	for i := range contacts + 1 {
		w.Eventually("the responder has failed", func() bool { turn := w.State(number(i)).Turn; return turn != nil && turn.Tries > 0 })
	}

	temporal := w.Started[slices.IndexFunc(w.Started, func(p *stack.Process) bool { return p.Name == "devserver" })]
	require.NoError(t, temporal.Stop())
	var all sync.WaitGroup
	for i := range contacts {
		all.Go(func() {
			for n := 1; n < each; n++ { // the next as soon as the webhook took the one before
				if _, err := w.Sim.WaitAcknowledged(w.Ctx(), w.Sim.Text(number(i), "", words(i, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	require.NoError(t, w.Sim.WaitFor(w.Ctx(), func() bool {
		refused := 0 // and tried again
		for _, m := range w.Sim.Inbound() {
			if m.AcknowledgedAt == nil && m.Attempts > 1 {
				refused++
			}
		}
		return refused == contacts
	}))
	_, port, _ := strings.Cut(w.Settings["TEMPORAL_ADDRESS"], ":")
	again := w.Run("devserver-again", "devserver", nil, "--port", port, "--headless", "--log-level", "error", "--db-filename", kept)
	w.Await(again, func(ctx context.Context) bool {
		_, err := w.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: w.Namespace})
		return err == nil
	})
	all.Wait()
	model.mend()

	for i := range contacts {
		w.Receives(number(i), words(i, each-1))
		w.Eventually("nothing waits", func() bool { s := w.State(number(i)); return len(s.Inbox) == 0 && len(s.Backlog) == 0 && s.Turn == nil })
		var want, got []string
		for n := range each {
			want = append(want, words(i, n))
		}
		for _, reply := range e2e.Texts(w.Sim.Phone(number(i)).Messages()) {
			got = append(got, strings.Split(strings.TrimPrefix(reply, "Heard: "), "\n")...)
		}
		require.Equal(t, want, got, "each is answered once, in order")
		require.Empty(t, w.State(number(i)).Parked)
	}

	var parked []wire.Parked
	w.Eventually("what cannot be answered is parked", func() bool { parked = w.State(lost).Parked; return len(parked) == 1 })
	require.Equal(t, wire.ParkedBadAnswer, parked[0].Code)
	require.Equal(t, "nonsense, please", parked[0].Turn.Texts[0].Text)
	model.understand()
	_, complaint, err := parley(w, "retry", string(lost))
	require.NoError(t, err, complaint)
	w.Receives(lost, "Heard: nonsense, please")
	require.Len(t, e2e.Texts(w.Sim.Phone(lost).Messages()), 1)

	waits(t, "for parked texts that a person can edit before they are tried again")
}

func words(contact, n int) string { return fmt.Sprintf("text %d of contact %d", n, contact) }

// model is the responder: it is away until it is mended, and answers one text with
// nonsense until it understands it.
type model struct {
	mu               sync.Mutex
	mended, improved bool
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var turn activities.Turn
	_ = json.NewDecoder(r.Body).Decode(&turn)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch nonsense := strings.Contains(turn.Text, "nonsense"); {
	case nonsense && !m.improved:
		_, _ = w.Write([]byte("As a language model I can not answer in JSON."))
	case !nonsense && !m.mended:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		_ = json.NewEncoder(w).Encode(wire.Decision{Reply: "Heard: " + turn.Text})
	}
}

func (m *model) mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mended = true
}

func (m *model) understand() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.improved = true
}

// parley is what a person sees who types a command, and whether it went well.
func parley(w *e2e.World, args ...string) (printed, complaint string, err error) {
	w.T.Helper()
	command := exec.CommandContext(w.Ctx(), filepath.Join(e2e.Bin, "parley"), args...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.Dir, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"} {
		command.Env = append(command.Env, name+"="+w.Settings[name])
	}
	var out, wrong bytes.Buffer
	command.Stdout, command.Stderr = &out, &wrong
	err = command.Run()
	return out.String(), wrong.String(), err
}
