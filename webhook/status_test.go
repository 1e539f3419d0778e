package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"parley/conversation/wire"
	"parley/internal/telemetry"
	"parley/sms"
)

func postTo(path, body string, headers ...string) *http.Request {
	r := post(body, headers...)
	r.URL.Path = path
	return r
}

func wonder(body string, headers ...string) *http.Request {
	return postTo("/messages/status", body, headers...)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	at := signedAt.Add(time.Second)
	state := wire.State{
		Departures: wire.Departures{Requests: []wire.Request{{ID: "order-7-shipped", Key: "run-1"}, {ID: "long-ago", Key: "run-0"}, {ID: "again", Key: "run-2"}}, Held: []wire.Message{{Key: "run-4", Text: "private words", Status: sms.StatusQueued, ResendOf: "run-2", Resend: 1, At: at}}},
		Arrivals:   wire.Arrivals{Skipped: []wire.Skipped{{ID: "send:order-8", Reason: "the contact opted out"}}},
		Chronicle: wire.Chronicle{Transcript: []wire.Message{
			{From: "contact", Text: "private words", MessageID: "theirs"},
			{Key: "run-1", From: "api", Text: "private words", MessageID: "m1", Status: sms.StatusDelivered, At: signedAt, Accepted: at, StatusAt: at},
			{Key: "run-2", Text: "private words", MessageID: "m2", Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", At: signedAt},
		}},
	}
	tests := []struct {
		name, body, conversation string
		status                   int
		want                     map[string]any
	}{
		{
			"delivered", `{"to":"+15559876543","id":"order-7-shipped"}`, "conversation:+15559876543", http.StatusOK,
			map[string]any{"id": "order-7-shipped", "status": "delivered", "key": "run-1", "message_id": "m1", "queued_at": "2026-02-13T09:00:00Z", "accepted_at": "2026-02-13T09:00:01Z", "status_at": "2026-02-13T09:00:01Z"},
		},
		{
			"sent once more", `{"to":"+15559876543","id":"again","from":"+12065550101"}`, "conversation:+15559876543:+12065550101", http.StatusOK,
			map[string]any{"id": "again", "status": "queued", "key": "run-2", "queued_at": "2026-02-13T09:00:01Z"},
		},
		{
			"not taken", `{"to":"+15559876543","id":"order-8"}`, "conversation:+15559876543", http.StatusOK,
			map[string]any{"id": "order-8", "status": "refused", "reason": "the contact opted out"},
		},
		{
			"forgotten", `{"to":"+15559876543","id":"long-ago"}`, "conversation:+15559876543", http.StatusNotFound,
			map[string]any{"result": "refused", "reason": "so much was said since that the conversation no longer holds this message; parley proof run-0 looks further"},
		},
		{
			"unknown", `{"to":"+15559876543","id":"order-9"}`, "conversation:+15559876543", http.StatusNotFound,
			map[string]any{"result": "refused", "reason": "the conversation remembers no message with this id"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fake{state: state}
			response, body := ask(t, api(&f).Handler(), wonder(tt.body))
			require.Equal(t, tt.status, response.StatusCode, body)
			require.Equal(t, tt.want, body, "and none of the words")
			require.Equal(t, []told{{Verb: "Requested", ID: tt.conversation}}, f.calls)
		})
	}
}

func TestStatusRefused(t *testing.T) {
	t.Parallel()
	const good = `{"to":"+15559876543","id":"order-7-shipped"}`
	tests := []struct {
		name   string
		r      *http.Request
		err    error
		status int
		reason string
	}{
		{"no token", wonder(good, "Authorization", ""), nil, http.StatusUnauthorized, "Authorization: Bearer"},
		{"not JSON", wonder("hello"), nil, http.StatusBadRequest, "JSON object"},
		{"a form", wonder("to=1", "Content-Type", "application/x-www-form-urlencoded"), nil, http.StatusUnsupportedMediaType, "Content-Type"},
		{"too large", wonder(strings.Repeat(" ", longestRequest+1)), nil, http.StatusRequestEntityTooLarge, "too large"},
		{"an unknown field", wonder(`{"to":"+15559876543","key":"x"}`), nil, http.StatusBadRequest, `"id"`},
		{"no contact", wonder(`{"id":"x"}`), nil, http.StatusBadRequest, `"to"`},
		{"no id", wonder(`{"to":"+15559876543"}`), nil, http.StatusBadRequest, `"id"`},
		{"not our number", wonder(`{"to":"+15559876543","id":"x","from":"+12065550199"}`), nil, http.StatusBadRequest, `"from"`},
		{"no conversation", wonder(good), serviceerror.NewNotFound("conversation:+15559876543"), http.StatusNotFound, "no conversation"},
		{"no worker", wonder(good), context.DeadlineExceeded, http.StatusServiceUnavailable, "running worker"},
		{"nobody polls", wonder(good), serviceerror.NewFailedPrecondition("no poller for conversation:+15559876543"), http.StatusServiceUnavailable, "running worker"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			a := api(&fake{err: tt.err})
			a.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
			response, body := ask(t, a.Handler(), tt.r)
			require.Equal(t, tt.status, response.StatusCode, body)
			require.Contains(t, body["reason"], tt.reason)
			require.Equal(t, tt.status == http.StatusServiceUnavailable, response.Header.Get("Retry-After") != "")
			require.NotContains(t, body["reason"], "5559876543")
			require.NotContains(t, log.String(), "15559876543")
		})
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	const message, status = `{"to":"+15559876543","message":"Hi"}`, `{"to":"+15559876543","id":"x"}`
	handler := api(&fake{state: wire.State{Departures: wire.Departures{Requests: []wire.Request{{ID: "x", Key: "k"}}, Outbox: []wire.Message{{Key: "k"}}}}}).Handler()
	for token, want := range map[string]struct{ send, read int }{
		"new-token":   {http.StatusAccepted, http.StatusOK},
		"sender":      {http.StatusAccepted, http.StatusForbidden},
		"reader":      {http.StatusForbidden, http.StatusOK},
		"send:sender": {http.StatusUnauthorized, http.StatusUnauthorized},
	} {
		response, body := ask(t, handler, post(message, "Authorization", "Bearer "+token))
		require.Equal(t, want.send, response.StatusCode, "%s %v", token, body)
		if want.send == http.StatusForbidden {
			require.Equal(t, "this token may read and not send; show one that may, see PARLEY_API_TOKEN", body["reason"])
		}
		response, body = ask(t, handler, wonder(status, "Authorization", "Bearer "+token))
		require.Equal(t, want.read, response.StatusCode, "%s %v", token, body)
	}
}

func TestParseTokens(t *testing.T) {
	t.Parallel()
	known := tokensOf("plain", "send:one", "READ:two", "c2VjcmV0+/=:x", "1:2", "send:has:colon", "read:has:colon", "plain")
	require.Len(t, known.known, 6)
	for text, want := range map[string]scope{"plain": mayAll, "one": maySend, "two": mayRead, "c2VjcmV0+/=:x": mayAll, "1:2": mayAll, "has:colon": mayAll} {
		shown := known.shown("Bearer " + text)
		require.NotNil(t, shown, text)
		require.Equal(t, want, shown.scope, text)
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer plai", "Bearer plainx", "Bearer  plain", "Basic plain", "plain", "Bearer send:one"} {
		require.Nil(t, known.shown(header), header)
	}
	for _, wrong := range []string{"admin:s3cret", "write:s3cret", "send:", "read: "} {
		_, err := parseTokens([]string{"first", strings.TrimSpace(wrong)}, 50)
		require.ErrorContains(t, err, "token 2 of PARLEY_API_TOKEN", wrong)
		require.NotContains(t, err.Error(), "s3cret")
	}
	for _, rate := range []float64{0, -1} {
		_, err := parseTokens([]string{"first"}, rate)
		require.ErrorContains(t, err, "set PARLEY_API_RATE")
	}
}

// TestTokensAreLimited: each by itself, and those who show none by their source.
func TestTokensAreLimited(t *testing.T) {
	t.Parallel()
	var f fake
	now := signedAt
	a := api(&f)
	a.Now = func() time.Time { return now }
	var err error
	a.Tokens, err = parseTokens([]string{"busy", "other"}, 0.5)
	require.NoError(t, err)
	handler := a.Handler()
	send := func(token string) reply {
		response, _ := ask(t, handler, post(`{"to":"+15559876543","message":"Hi"}`, "Authorization", "Bearer "+token))
		return response
	}
	require.Equal(t, http.StatusAccepted, send("busy").StatusCode)
	response := send("busy")
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	require.Equal(t, "2", response.Header.Get("Retry-After"))
	require.Equal(t, http.StatusAccepted, send("other").StatusCode)
	require.Len(t, f.calls, 2, "what is limited sends nothing")
	now = now.Add(2 * time.Second)
	require.Equal(t, http.StatusAccepted, send("busy").StatusCode)

	for range failuresFirst {
		require.Equal(t, http.StatusUnauthorized, send("guess").StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, send("guess").StatusCode)
	now = now.Add(500 * time.Millisecond)
	require.Equal(t, http.StatusTooManyRequests, send("guess").StatusCode)
	now = now.Add(2 * time.Second)
	require.Equal(t, http.StatusAccepted, send("busy").StatusCode, "who guesses takes nothing from who knows")
}

var errAway = errors.New("no connection")

// TestAPIHasNothingElse: the API's listener has no probes, and nothing else.
func TestAPIHasNothingElse(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/healthz", "/metrics", "/messages/", "/messages/status/x", "/webhooks/sinch"} {
		recorder := httptest.NewRecorder()
		api(&fake{err: errAway}).Handler().ServeHTTP(recorder, postTo(path, "{}"))
		require.Equal(t, http.StatusNotFound, recorder.Code, path)
	}
}
