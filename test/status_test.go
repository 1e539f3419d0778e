package test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
	"parley/test/e2e"
)

// TestStatusOfAMessage: a program that may only read learns what became of a
// message, and none of its words.
func TestStatusOfAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, e2e.Setting("PARLEY_API_TOKEN", apiToken+",read:reader"))
	const contact sms.Number = "+15559876543"
	status := func(id string) (int, map[string]any) {
		t.Helper()
		request, err := http.NewRequestWithContext(w.Ctx(), http.MethodPost, w.API+"/messages/status", strings.NewReader(`{"to":"`+string(contact)+`","id":"`+id+`"}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer reader")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.NotContains(t, string(raw), "left")
		var body map[string]any
		require.NoError(t, json.Unmarshal(raw, &body))
		require.Equal(t, response.StatusCode == http.StatusServiceUnavailable, response.Header.Get("Retry-After") != "")
		return response.StatusCode, body
	}
	var code int
	var body map[string]any
	answers := func(id string, want int) func() bool {
		return func() bool {
			code, body = status(id)
			return code == want // or 503, while the machine is busy
		}
	}
	w.Eventually("there is no conversation yet", answers("order-7", http.StatusNotFound))

	require.Equal(t, http.StatusAccepted, w.Message(contact, "Your order has left.", "order-7"))
	require.Equal(t, http.StatusAccepted, w.Message(contact, "Your order has left.", "order-7"), "a repeated request")
	w.Eventually("delivered", func() bool { return answers("order-7", http.StatusOK)() && body["status"] == "delivered" })
	for _, field := range []string{"key", "message_id", "queued_at", "accepted_at", "status_at"} {
		require.NotEmpty(t, body[field], field)
	}
	require.Len(t, w.Sim.Sent(), 1, "it was sent once")
	w.Eventually("nobody sent it", answers("order-8", http.StatusNotFound))

	w.Text(contact, "STOP")
	w.Eventually("opted out", func() bool { return w.State(contact).OptedOut != nil })
	require.Equal(t, http.StatusAccepted, w.Message(contact, "Your order has left again.", "order-9"))
	w.Eventually("refused", func() bool { return answers("order-9", http.StatusOK)() && body["status"] == "refused" })
	require.Equal(t, "the contact opted out", body["reason"])

	w.StopWorker()
	code, _ = status("order-7")
	require.Equal(t, http.StatusServiceUnavailable, code, "nobody answers")
}
