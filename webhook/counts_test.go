package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/internal/telemetry/metrics"
)

// scrape reads the metrics at a URL, as Prometheus does.
func scrape(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", page)
	return string(page)
}

// TestCounts: every ending is counted under words of ours, and nothing of what
// was sent becomes a label.
func TestCounts(t *testing.T) {
	t.Parallel()
	measured, page, err := metrics.New(slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	counts, err := newCounts(measured.Meter)
	require.NoError(t, err)
	send := func(r *http.Request, changes ...func(*Callbacks)) {
		h := callbacks(&fake{})
		h.Counts = counts
		for _, change := range changes {
			change(&h)
		}
		ask(t, h.Handler(), r)
	}
	fails := func(err error) func(*Callbacks) {
		return func(h *Callbacks) { h.Conversations = &fake{err: err} }
	}
	file := func(name string) *http.Request { return signed(fixture(t, name), secret, signedAt) }
	unsigned := file("composed/inbound-text-conversation.json")
	unsigned.Header = http.Header{}
	large := signed([]byte(strings.Repeat("x", longestCallback+1)), secret, signedAt)
	broken := file("composed/inbound-text-conversation.json")
	broken.Body = io.NopCloser(iotest.ErrReader(errors.New("connection reset")))

	send(file("composed/inbound-text-conversation.json"))
	send(file("composed/inbound-text-conversation-metadata.json"))
	send(signed(text("ACME", ourNumber), secret, signedAt))
	send(file("composed/delivery-1-queued.json"))
	send(file("composed/delivery-1-queued-reference.json"))
	send(file("composed/delivery-2-failed.json"), fails(conversations.ErrClosed))
	send(file("composed/delivery-2-delivered.json"), fails(errors.New("no connection")))
	send(file("sinch-samples/CONTACT_CREATE.json"))
	send(file("sinch-samples/MESSAGE_SUBMIT.json"))
	send(signed([]byte(`{"tomorrows_notification":{}}`), secret, signedAt))
	send(signed([]byte("Hi!"), secret, signedAt))
	send(signed(fixture(t, "composed/inbound-text-conversation.json"), "guess", signedAt))
	send(signed(fixture(t, "composed/inbound-text-conversation.json"), secret, signedAt.Add(-time.Hour)))
	send(unsigned)
	send(large)
	send(broken)
	send(file("composed/inbound-text-conversation.json"), func(h *Callbacks) { h.Now = func() time.Time { panic("out of time") } })

	shown := httptest.NewServer(page)
	t.Cleanup(shown.Close)
	scraped := scrape(t, shown.URL)
	lines := strings.Split(scraped, "\n")
	var callbacks []string
	for _, line := range lines {
		if labels, ok := strings.CutPrefix(line, "parley_callbacks_total"); ok {
			callbacks = append(callbacks, labels)
		}
		for _, private := range []string{"5551234567", "ACME", "Hi!", "Yes", "wf-42", "A-17", "send-key-1", "01EQ", "tomorrow", sinchApp} {
			require.NotContains(t, line, private)
		}
	}
	slices.Sort(callbacks)
	require.Equal(t, []string{
		`{kind="CONTACT_CREATE",reason="trigger",result="dropped"} 1`,
		`{kind="MESSAGE_DELIVERY",reason="",result="accepted"} 1`,
		`{kind="MESSAGE_DELIVERY",reason="closed",result="dropped"} 1`,
		`{kind="MESSAGE_DELIVERY",reason="not final",result="dropped"} 1`,
		`{kind="MESSAGE_DELIVERY",reason="temporal",result="unavailable"} 1`,
		`{kind="MESSAGE_INBOUND",reason="",result="accepted"} 2`,
		`{kind="MESSAGE_INBOUND",reason="sender",result="dropped"} 1`,
		`{kind="MESSAGE_SUBMIT",reason="app",result="dropped"} 1`,
		`{kind="other",reason="not JSON",result="refused"} 1`,
		`{kind="other",reason="panic",result="unavailable"} 1`,
		`{kind="other",reason="stale",result="refused"} 1`,
		`{kind="other",reason="too large",result="refused"} 1`,
		`{kind="other",reason="trigger",result="dropped"} 1`,
		`{kind="other",reason="unread",result="unavailable"} 1`,
		`{kind="other",reason="unsigned",result="refused"} 1`,
		`{kind="other",reason="wrong signature",result="refused"} 1`,
	}, callbacks)
	require.Contains(t, lines, `parley_callback_acknowledgement_seconds_count{result="accepted"} 3`)
	require.Contains(t, lines, `parley_callback_acknowledgement_seconds_count{result="dropped"} 6`)
	require.Contains(t, lines, `parley_callback_acknowledgement_seconds_count{result="refused"} 5`)
	require.Contains(t, scraped, `parley_callback_acknowledgement_seconds_bucket{result="accepted",le="0.005"}`)
}
