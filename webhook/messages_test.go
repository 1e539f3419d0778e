package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/internal/settings"
	"parley/internal/telemetry"
)

func api(f *fake) API {
	return API{
		Conversations: f, Tokens: tokensOf("new-token", "old-token", "send:sender", "read:reader"), App: ourApp,
		Now: func() time.Time { return signedAt }, Log: slog.New(slog.DiscardHandler), Counts: uncounted,
	}
}

func tokensOf(written ...string) tokens {
	known, err := parseTokens(written, 50)
	if err != nil {
		panic(err)
	}
	return known
}

func post(body string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/messages", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer new-token")
	r.Header.Set("Idempotency-Key", "order-7-shipped")
	for header := range slices.Chunk(headers, 2) {
		r.Header.Set(header[0], header[1])
	}
	return r
}

func TestMessages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		id         string
		send       wire.SendRequest
	}{
		{"the least", `{"to":"+15559876543","message":"Hi"}`, "conversation:+15559876543", wire.SendRequest{Text: "Hi", By: "api"}},
		{"without plus", `{"to":"1 (555) 987-6543","message":"Hi"}`, "conversation:+15559876543", wire.SendRequest{Text: "Hi", By: "api"}},
		{"everything", `{"to":"+15559876543","message":"Hi","from":"12065550101","reference":"order 7"}`, "conversation:+15559876543:+12065550101", wire.SendRequest{Text: "Hi", By: "api", Reference: "order 7"}},
		{
			"not for ever, and not twice", `{"to":"+15559876543","message":"Hi","not_before":"2026-03-04T14:00:00Z","useful_until":"2026-03-04T15:00:00Z","in_doubt":"park"}`, "conversation:+15559876543",
			wire.SendRequest{Text: "Hi", By: "api", NotBefore: time.Date(2026, 3, 4, 14, 0, 0, 0, time.UTC), UsefulUntil: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC), InDoubt: wire.Park},
		},
		{"our default number", `{"to":"+15559876543","message":"Hi","from":"+12065550100"}`, "conversation:+15559876543", wire.SendRequest{Text: "Hi", By: "api"}},
		{"ten segments", `{"to":"+15559876543","message":"` + strings.Repeat("a", 1530) + `"}`, "conversation:+15559876543", wire.SendRequest{Text: strings.Repeat("a", 1530), By: "api"}},
		{"white space behind", `{"to":"+15559876543","message":"Hi"}` + "\n", "conversation:+15559876543", wire.SendRequest{Text: "Hi", By: "api"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			response, body := ask(t, api(&f).Handler(), post(tt.body))
			require.Equal(t, http.StatusAccepted, response.StatusCode, body)
			require.Equal(t, map[string]any{"status": "queued", "id": "order-7-shipped"}, body)
			require.Equal(t, []told{{Verb: "Queue", ID: tt.id, Event: "order-7-shipped", Send: tt.send}}, f.calls)
		})
	}
}

func TestMessagesRefused(t *testing.T) {
	t.Parallel()
	const good = `{"to":"+15559876543","message":"Hi"}`
	get := post("")
	get.Method = http.MethodGet
	tests := []struct {
		name   string
		r      *http.Request
		status int
		reason string
	}{
		{"no token", post(good, "Authorization", ""), http.StatusUnauthorized, "Authorization: Bearer"},
		{"another token", post(good, "Authorization", "Bearer guess"), http.StatusUnauthorized, "Authorization: Bearer"},
		{"the empty token", post(good, "Authorization", "Bearer "), http.StatusUnauthorized, "Authorization: Bearer"},
		{"another scheme", post(good, "Authorization", "Basic new-token"), http.StatusUnauthorized, "Authorization: Bearer"},
		{"half a token", post(good, "Authorization", "Bearer new"), http.StatusUnauthorized, "Authorization: Bearer"},
		{"a form", post("to=1", "Content-Type", "application/x-www-form-urlencoded"), http.StatusUnsupportedMediaType, "Content-Type: application/json"},
		{"no content type", post(good, "Content-Type", ""), http.StatusUnsupportedMediaType, "Content-Type: application/json"},
		{"not JSON", post("hello"), http.StatusBadRequest, "JSON object"},
		{"empty", post(""), http.StatusBadRequest, "JSON object"},
		{"two objects", post(good + good), http.StatusBadRequest, "one JSON object"},
		{"an unknown field", post(`{"to":"+15559876543","text":"Hi"}`), http.StatusBadRequest, `"message"`},
		{"a number as a number", post(`{"to":15559876543,"message":"Hi"}`), http.StatusBadRequest, "strings"},
		{"no recipient", post(`{"message":"Hi"}`), http.StatusBadRequest, `"to": not a phone number`},
		{"no such number", post(`{"to":"555-1234","message":"Hi"}`), http.StatusBadRequest, `"to": not a phone number`},
		{"no text", post(`{"to":"+15559876543"}`), http.StatusBadRequest, `"message" is empty`},
		{"only white space", post(`{"to":"+15559876543","message":" \n"}`), http.StatusBadRequest, `"message" is empty`},
		{"eleven segments", post(`{"to":"+15559876543","message":"` + strings.Repeat("a", 1531) + `"}`), http.StatusBadRequest, "it needs 11 segments in GSM-7, and may have 10"},
		{"eleven segments of emoji", post(`{"to":"+15559876543","message":"` + strings.Repeat("👋", 331) + `"}`), http.StatusBadRequest, "segments in UCS-2"},
		{"not our number", post(`{"to":"+15559876543","message":"Hi","from":"+12065550199"}`), http.StatusBadRequest, `"from" is none of our numbers`},
		{"an endless reference", post(`{"to":"+15559876543","message":"Hi","reference":"` + strings.Repeat("r", 201) + `"}`), http.StatusBadRequest, `"reference" is longer`},
		{"no such time", post(`{"to":"+15559876543","message":"Hi","useful_until":"tomorrow"}`), http.StatusBadRequest, `"useful_until" must be a time`},
		{"no such time either", post(`{"to":"+15559876543","message":"Hi","not_before":"tomorrow"}`), http.StatusBadRequest, `"not_before" must be a time`},
		{"no such policy", post(`{"to":"+15559876543","message":"Hi","in_doubt":"maybe"}`), http.StatusBadRequest, `"in_doubt" must be`},
		{"an endless key", post(good, "Idempotency-Key", strings.Repeat("k", 201)), http.StatusBadRequest, "Idempotency-Key must be"},
		{"a key with a space", post(good, "Idempotency-Key", "a b"), http.StatusBadRequest, "Idempotency-Key must be"},
		{"too large", post(strings.Repeat(" ", longestRequest+1)), http.StatusRequestEntityTooLarge, "too large"},
		{"another method", get, http.StatusMethodNotAllowed, "Method Not Allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			var log bytes.Buffer
			a := api(&f)
			a.Log = telemetry.Logger(&log, telemetry.Text, slog.LevelInfo)
			response, body := ask(t, a.Handler(), tt.r)
			require.Equal(t, tt.status, response.StatusCode, body)
			require.Equal(t, "refused", body["result"])
			require.Contains(t, body["reason"], tt.reason)
			require.Empty(t, f.calls)
			require.NotContains(t, log.String(), "15559876543")
			require.NotContains(t, log.String(), "token=")
		})
	}
}

func TestMessagesTokens(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Bearer new-token", "Bearer old-token", "bearer old-token"} {
		var f fake
		response, _ := ask(t, api(&f).Handler(), post(`{"to":"+15559876543","message":"Hi"}`, "Authorization", header))
		require.Equal(t, http.StatusAccepted, response.StatusCode, header)
	}
}

func TestMessagesWithoutKey(t *testing.T) {
	t.Parallel()
	var f fake
	a := api(&f)
	keys := map[string]bool{}
	for range 2 {
		_, body := ask(t, a.Handler(), post(`{"to":"+15559876543","message":"Hi"}`, "Idempotency-Key", ""))
		require.Contains(t, body["note"], "sends the message twice")
		keys[body["id"].(string)] = true
	}
	require.Len(t, keys, 2)
	require.True(t, keys[f.calls[0].Event])
}

// TestMessagesWithoutSenders: nobody knows which number is the default one, so
// any may be named, and all share the contact's one conversation.
func TestMessagesWithoutSenders(t *testing.T) {
	t.Parallel()
	var f fake
	a := api(&f)
	a.App = settings.SinchApp{}
	response, _ := ask(t, a.Handler(), post(`{"to":"+15559876543","message":"Hi","from":"+12065550199"}`))
	require.Equal(t, http.StatusAccepted, response.StatusCode)
	require.Equal(t, "conversation:+15559876543", f.calls[0].ID)
}

func TestMessagesWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := api(&fake{err: errors.New("no connection for conversation:+15559876543")})
	a.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
	response, body := ask(t, a.Handler(), post(`{"to":"+15559876543","message":"See you at five"}`))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.Equal(t, "unavailable", body["result"])
	require.Contains(t, log.String(), "+1•••543")
	require.NotContains(t, log.String(), "15559876543")
	require.NotContains(t, log.String(), "See you")
}
