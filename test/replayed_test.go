package test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/test/e2e"
)

// TestReplayedCallback: who has caught a callback and sends it again, byte for byte
// with its signature, changes nothing.
func TestReplayedCallback(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	body := e2e.Inbound("caught", ana, ours, "hello", time.Now())
	header := http.Header{"Content-Type": {"application/json"}}
	sinch.SignHeader(header, secret, []byte(body), time.Now())
	replay := func() {
		t.Helper()
		request, err := http.NewRequestWithContext(w.Ctx(), http.MethodPost, w.Hook, strings.NewReader(body))
		require.NoError(t, err)
		request.Header = header.Clone()
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	for range 3 {
		replay()
	}
	w.Receives(ana, youSaid("hello"))
	for range 3 {
		replay()
	}
	w.Text(ana, "bye")
	w.Receives(ana, youSaid("bye"))
	require.Len(t, w.Sim.Sent(), 2, "one reply each: %q", e2e.Texts(w.Sim.Sent()))
	heard := 0
	for _, m := range w.State(ana).Transcript {
		if m.From == "contact" {
			heard++
		}
	}
	require.Equal(t, 2, heard)
}
