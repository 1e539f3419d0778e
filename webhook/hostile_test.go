package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/telemetry"
)

// served serves a handler as the program does, to clients that must be quicker.
func served(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	servers := []server{{addr: "127.0.0.1:0", handler: h}}
	listeners, err := listen(t.Context(), servers)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	quick := patience{header: 2 * time.Second, read: 2 * time.Second, write: time.Minute, idle: 2 * time.Second}
	go func() { ended <- quick.serve(ctx, slog.New(slog.DiscardHandler), servers, listeners, func() {}, 0) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return listeners[0].Addr().String()
}

// says writes raw bytes, and returns all that comes back until the server ends the
// connection. A server that does not end it fails the test.
func says(t *testing.T, address, raw string) string {
	t.Helper()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, raw)
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(time.Minute)))
	said, err := io.ReadAll(connection)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the server ends the connection; it said %q", said)
	return string(said)
}

// TestSlowClients: who sends a part of a request and then nothing does not hold a
// connection for longer than the server grants.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, usualPatience.read, 10*time.Second)
	require.LessOrEqual(t, usualPatience.header, usualPatience.read)
	for name, tt := range map[string]struct{ raw, want string }{
		"nothing":          {"", ""},
		"half a header":    {"POST /webhooks/sinch HTTP/1.1\r\nHost: x\r\nX-Sinch", ""},
		"half a body":      {"POST /webhooks/sinch HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 503 "},
		"a chunk":          {"POST /webhooks/sinch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "HTTP/1.1 503 "},
		"one request only": {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := says(t, served(t, callbacks(&fake{}).Handler()), tt.raw)
			require.True(t, strings.HasPrefix(said, tt.want), "%q", said)
		})
	}
}

// TestManyHeaders: neither many lines nor long ones get as far as a handler.
func TestManyHeaders(t *testing.T) {
	t.Parallel()
	address := served(t, callbacks(&fake{}).Handler())
	raw := func(lines int, line string) string {
		return "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + strings.Repeat(line+"\r\n", lines) + "\r\n"
	}
	require.Contains(t, says(t, address, raw(mostHeaders-1, "X-A: b")), "HTTP/1.1 200 ", "the Connection is one too")
	require.Contains(t, says(t, address, raw(mostHeaders, "X-A: b")), "HTTP/1.1 431 ")
	require.Contains(t, says(t, address, raw(1, "X-A: "+strings.Repeat("b", longestHeader+8<<10))), "HTTP/1.1 431 ")
}

func nested(levels int) string {
	return strings.Repeat(`{"a":[`, levels/2) + strings.Repeat(`]}`, levels/2)
}

func TestDeepJSON(t *testing.T) {
	t.Parallel()
	require.False(t, tooDeep([]byte(nested(deepest))))
	require.True(t, tooDeep([]byte(nested(deepest+2))))
	require.True(t, tooDeep([]byte(strings.Repeat("[", deepest+1))), "also if it never ends")
	brackets := strings.Repeat(`[{\"`, 100)
	require.False(t, tooDeep([]byte(`{"text":"`+brackets+`","more":"\\"}`)), "a text may hold anything")
	require.True(t, tooDeep([]byte(`{"text":"\\"`+strings.Repeat("[", deepest))), "the text ended before")

	var f fake
	response, body := ask(t, callbacks(&f).Handler(), signed([]byte(nested(deepest+2)), secret, signedAt))
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Equal(t, errTooDeep.Error(), body["reason"])
	response, _ = ask(t, callbacks(&f).Handler(), signed([]byte(nested(deepest+2)), "guess", signedAt))
	require.Equal(t, http.StatusUnauthorized, response.StatusCode, "a stranger does not even hear that")
	response, _ = ask(t, callbacks(&f).Handler(), signed([]byte(nested(deepest)), secret, signedAt))
	require.Equal(t, http.StatusOK, response.StatusCode)
	for _, path := range []string{"/messages", "/messages/status"} {
		response, body = ask(t, api(&f).Handler(), postTo(path, nested(deepest+2)))
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
		require.Equal(t, errTooDeep.Error(), body["reason"])
	}
	require.Empty(t, f.calls)
}

// from makes a request come from somewhere.
func from(r *http.Request, peer string) *http.Request {
	r.RemoteAddr = peer
	return r
}

// TestFailuresAreLimited: a source that fails too often hears 429 and is not
// logged any more; what is rightly signed is taken all the while, also from there.
func TestFailuresAreLimited(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var f fake
	now := signedAt
	h := callbacks(&f)
	h.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
	h.Now = func() time.Time { return now }
	handler := h.Handler()
	good := text("15559876543", ourNumber)
	const flooder, other = "192.0.2.1:4711", "192.0.2.2:4711"
	fails := func(peer string) reply {
		response, _ := ask(t, handler, from(signed(good, "guess", now), peer))
		return response
	}
	for range failuresFirst {
		require.Equal(t, http.StatusUnauthorized, fails(flooder).StatusCode)
	}
	logged := log.Len()
	for range 100 {
		response := fails(flooder)
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		require.Equal(t, "1", response.Header.Get("Retry-After"))
	}
	unsigned := from(signed(good, secret, now), flooder)
	unsigned.Header.Del("X-Sinch-Webhook-Signature")
	response, _ := ask(t, handler, unsigned)
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	large := from(signed(bytes.Repeat([]byte("x"), longestCallback+1), secret, now), flooder)
	response, _ = ask(t, handler, large)
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Equal(t, logged, log.Len(), "nothing more is logged")

	require.Equal(t, http.StatusUnauthorized, fails(other).StatusCode, "another source has its own limit")
	for range 100 {
		response, _ := ask(t, handler, from(signed(good, secret, now), flooder))
		require.Equal(t, http.StatusOK, response.StatusCode, "what is rightly signed is never limited")
	}
	require.Len(t, f.calls, 100)

	now = now.Add(failuresEvery)
	require.Equal(t, http.StatusUnauthorized, fails(flooder).StatusCode, "one more a second")
	require.Equal(t, http.StatusTooManyRequests, fails(flooder).StatusCode)
}

// TestRotationInAFlood: the secret is replaced while somebody floods us from the
// very source that Sinch's callbacks seem to come from. None of them is refused.
func TestRotationInAFlood(t *testing.T) {
	t.Parallel()
	var f fake
	renewed := 0
	h := callbacks(&f)
	h.Secrets = replaced{old: "old", new: "new", renewed: &renewed}
	handler := h.Handler()
	good := text("15559876543", ourNumber)
	for range failuresFirst + 50 {
		ask(t, handler, signed(good, "guess", signedAt))
	}
	for _, known := range []string{"new", "old"} {
		response, _ := ask(t, handler, signed(good, known, signedAt))
		require.Equal(t, http.StatusOK, response.StatusCode, known)
	}
	require.Len(t, f.calls, 2)
	require.Positive(t, renewed)
}

// replaced are secrets of which the newer one is seen only by who asks again, as if
// each renewal had been a moment too early for the next request.
type replaced struct {
	old, new string
	renewed  *int
}

func (r replaced) Get(context.Context) ([]string, error) { return []string{r.old}, nil }

func (r replaced) Renew(context.Context) ([]string, error) {
	*r.renewed++
	return []string{r.new, r.old}, nil
}

func TestAnswersAreNotSniffed(t *testing.T) {
	t.Parallel()
	for _, r := range []*http.Request{
		signed(text("15559876543", ""), secret, signedAt), signed(nil, "guess", signedAt),
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/nowhere", nil),
	} {
		response, _ := ask(t, callbacks(&fake{}).Handler(), r)
		require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
		require.Contains(t, response.Header.Get("Content-Type"), "application/json")
	}
}
