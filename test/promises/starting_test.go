package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/stack"
	"parley/test/e2e"
)

// An invalid key is a mistake of the person who starts the program, and will be no
// better in an hour.

func TestWebhookWithABadKeyOfIDs(t *testing.T) {
	promise(t, "a webhook with an invalid PARLEY_ID_KEY ends at once, and names the setting", "")
	badKeys(t, "webhook")
}

func TestWorkerWithABadKeyOfIDs(t *testing.T) {
	promise(t, "a worker with an invalid PARLEY_ID_KEY ends at once, and names the setting", "")
	badKeys(t, "worker")
}

func badKeys(t *testing.T, program string) {
	t.Helper()
	w := e2e.New(t)
	there, away := w.Settings["TEMPORAL_ADDRESS"], e2e.Address(t)
	var wrong []string
	for _, key := range []string{"not-a-key", "c2hvcnQ=", strings.Repeat("!", 44)} {
		for where, address := range map[string]string{"Temporal is there": there, "Temporal is away": away} {
			settings := maps.Clone(w.Settings)
			settings["PARLEY_ID_KEY"], settings["TEMPORAL_ADDRESS"] = key, address
			settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"] = "127.0.0.1:0", "127.0.0.1:0"
			p := w.Run(fmt.Sprint(program, "-", len(w.Started)), program, settings)
			w.Eventually("it ends, or says that it stays", func() bool { return hasEnded(p) || p.Said("get 503") })
			said := string(e2e.Must(os.ReadFile(p.Log)))
			switch {
			case !hasEnded(p):
				wrong = append(wrong, where+": it stays")
			case !strings.Contains(said, "PARLEY_ID_KEY"):
				wrong = append(wrong, where+": it does not name the setting")
			}
			require.NotContains(t, said, key, "the key is a secret all the same")
		}
	}
	t.Logf("figures: %d of 6 starts go wrong", len(wrong))
	require.Empty(t, wrong)
}

func hasEnded(p *stack.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Machines start in any order after a power cut. Who needs a service waits for it.
func TestWorkerStartsBeforeTemporal(t *testing.T) {
	promise(t, "a worker that starts while Temporal is away waits, says that it is not ready, and works once Temporal is there",
		"it ends at once")

	w := e2e.New(t)
	w.StopWorker()
	w.Text(guest, "hello")
	settings := maps.Clone(w.Settings)
	settings["TEMPORAL_ADDRESS"] = e2e.Address(t) // where nobody listens yet
	early := w.Run("early-worker", "worker", settings)
	probe := "http://" + metricsOf(w, early)

	w.Eventually("it ends, or says what it waits for", func() bool {
		said := e2e.Must(os.ReadFile(early.Log))
		return hasEnded(early) || bytes.Count(said, []byte("\n")) > 1 || strings.Contains(reason(w.Ctx(), probe+"/readyz"), "Temporal")
	})
	require.False(t, stack.Answers(w.Ctx(), probe+"/readyz"), "it has nothing to work with")
	require.NoError(t, early.Await(w.Ctx(), func(ctx context.Context) bool { return stack.Answers(ctx, probe+"/healthz") }), "and is well")

	way(t, settings["TEMPORAL_ADDRESS"], w.Settings["TEMPORAL_ADDRESS"])
	require.NoError(t, early.Await(w.Ctx(), func(ctx context.Context) bool { return stack.Answers(ctx, probe+"/readyz") }))
	w.Receives(guest, echoed("hello"))
}

// reason is what a probe is told; empty if it is told nothing.
func reason(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	words, _ := io.ReadAll(response.Body)
	return string(words)
}

// way makes a server answer at one more address.
func way(t *testing.T, address, server string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = from.Close() }()
				to, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server)
				if err != nil {
					return
				}
				defer func() { _ = to.Close() }()
				go func() {
					_, _ = io.Copy(from, to)
					_ = from.Close()
				}()
				_, _ = io.Copy(to, from)
			}()
		}
	}()
}
