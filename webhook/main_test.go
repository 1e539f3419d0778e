package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
)

// lines collects what a running process logs.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func environment(pairs ...string) settings.Env {
	env := settings.Env{
		"TEMPORAL_CONFIG_FILE":  os.DevNull,
		"TEMPORAL_ADDRESS":      "127.0.0.1:9", // nothing listens there
		"PARLEY_WEBHOOK_ADDR":   "127.0.0.1:0",
		"PARLEY_API_ADDR":       "127.0.0.1:0",
		"PARLEY_API_TOKEN":      "t0ken",
		"PARLEY_METRICS_ADDR":   "127.0.0.1:0",
		"SINCH_WEBHOOK_SECRET":  secret,
		"PARLEY_SHUTDOWN_DELAY": "0s",
	}
	for pair := range slices.Chunk(pairs, 2) {
		env[pair[0]] = pair[1]
	}
	return env
}

var listening = regexp.MustCompile(`msg=listening .*for=(\w+) address=(\S+)`)

// TestRunWithoutTemporal: it starts, says that it is not ready, and refuses
// nothing for good.
func TestRunWithoutTemporal(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var log lines
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, environment("SINCH_RECEIPTS_SECRET", "receipts-secret"), io.Discard, &log)
	}()
	at := map[string]string{}
	require.Eventually(t, func() bool {
		for _, match := range listening.FindAllStringSubmatch(log.String(), -1) {
			at[match[1]] = "http://" + match[2]
		}
		return len(at) == 3
	}, 10*time.Second, 10*time.Millisecond)

	require.Equal(t, http.StatusOK, status(t, http.MethodGet, at["callbacks"]+"/healthz", nil, nil))
	require.Equal(t, http.StatusUnauthorized, status(t, http.MethodPost, at["callbacks"]+"/webhooks/sinch", nil, nil))
	require.Equal(t, http.StatusNotFound, status(t, http.MethodPost, at["callbacks"]+"/messages", nil, nil), "has a listener of its own")
	require.Equal(t, http.StatusUnauthorized, status(t, http.MethodPost, at["messages"]+"/messages", nil, nil))
	require.Equal(t, http.StatusNotFound, status(t, http.MethodPost, at["messages"]+"/webhooks/sinch", nil, nil))

	body := text("15559876543", "")
	var waiting sync.WaitGroup
	waiting.Go(func() {
		header := signed(body, secret, time.Now()).Header
		require.Equal(t, http.StatusServiceUnavailable, status(t, http.MethodPost, at["callbacks"]+"/webhooks/sinch", header, body))
	})
	waiting.Go(func() {
		require.Equal(t, http.StatusServiceUnavailable, status(t, http.MethodGet, at["callbacks"]+"/readyz", nil, nil))
	})
	waiting.Wait()
	header := signed(body, "receipts-secret", time.Now()).Header
	require.Equal(t, http.StatusUnauthorized, status(t, http.MethodPost, at["callbacks"]+"/webhooks/sinch", header, body))
	require.Equal(t, http.StatusServiceUnavailable, status(t, http.MethodPost, at["callbacks"]+"/webhooks/sinch/receipts", header, body))
	require.NotContains(t, log.String(), "15559876543")

	page := scrape(t, at["metrics"])
	require.Contains(t, page, `parley_callbacks_total{kind="other",reason="unsigned",result="refused"} 1`)
	require.Contains(t, page, `parley_callbacks_total{kind="MESSAGE_INBOUND",reason="temporal",result="unavailable"} 2`)
	require.Contains(t, page, `temporal_request_failure_total{`, "the SDK's own")
	require.NotContains(t, page, "5559876543")
	require.Equal(t, http.StatusNotFound, status(t, http.MethodGet, at["callbacks"]+"/metrics", nil, nil), "has a listener of its own")

	stop()
	require.NoError(t, <-ended)
}

func status(t *testing.T, method, url string, header http.Header, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	maps.Copy(r.Header, header)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestRunRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	tests := []struct {
		name string
		env  settings.Env
		want string
	}{
		{"no secret", environment("SINCH_WEBHOOK_SECRET", ""), "set SINCH_WEBHOOK_SECRET"},
		{"no secret for receipts", environment("SINCH_RECEIPTS_SECRET", ","), "set SINCH_RECEIPTS_SECRET"},
		{"no tolerance", environment("SINCH_WEBHOOK_TOLERANCE", "0s"), "set SINCH_WEBHOOK_TOLERANCE"},
		{"port in use", environment("PARLEY_WEBHOOK_ADDR", taken.Addr().String()), taken.Addr().String() + " is in use by another program: end that one, or set PARLEY_WEBHOOK_ADDR"},
		{"port of the API in use", environment("PARLEY_API_ADDR", taken.Addr().String()), taken.Addr().String() + " is in use by another program: end that one, or set PARLEY_API_ADDR"},
		{"port of the metrics in use", environment("PARLEY_METRICS_ADDR", taken.Addr().String()), taken.Addr().String() + " is in use by another program: end that one, or set PARLEY_METRICS_ADDR"},
		{"a network that is none", environment("PARLEY_WEBHOOK_PROXIES", "the balancer"), "set PARLEY_WEBHOOK_PROXIES"},
		{"a rate of nothing", environment("PARLEY_API_RATE", "0"), "set PARLEY_API_RATE"},
		{"no rate", environment("PARLEY_API_RATE", "many"), "PARLEY_API_RATE"},
		{"an unknown scope", environment("PARLEY_API_TOKEN", "t0ken,write:t0ken"), "token 2 of PARLEY_API_TOKEN"},
		{"no address", environment("PARLEY_WEBHOOK_ADDR", "here"), "listening where PARLEY_WEBHOOK_ADDR says"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // one that does start
			defer cancel()
			err := run(ctx, nil, tt.env, io.Discard, io.Discard)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--help"}, environment("PARLEY_API_TOKEN", "t0ken"), &out, io.Discard))
	for _, want := range []string{"$PARLEY_WEBHOOK_ADDR", ":8080", "$PARLEY_METRICS_ADDR", "127.0.0.1:9091", "$SINCH_RECEIPTS_SECRET", "$PARLEY_API_TOKEN", "$PARLEY_API_RATE", "$PARLEY_WEBHOOK_PROXIES", "$SINCH_RECEIPTS"} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "t0ken")
	require.NotContains(t, out.String(), "ACCESS_KEY", "no business of this process")
}
