package health_test

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

	"parley/internal/health"
)

func probe(t *testing.T, serve http.HandlerFunc) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	serve(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	return recorder.Code, strings.TrimSpace(recorder.Body.String())
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 2, 13, 9, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	r := health.New(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	asked := 0
	var away error
	expect := func(status int, body string) {
		t.Helper()
		got, said := probe(t, r.Readyz)
		require.Equal(t, status, got)
		require.JSONEq(t, body, said)
		got, said = probe(t, r.Healthz)
		require.Equal(t, http.StatusOK, got)
		require.JSONEq(t, `{"result":"ok"}`, said)
	}

	expect(http.StatusServiceUnavailable, `{"result":"unavailable","reason":"starting"}`)
	r.Begin(
		health.Check{Words: "the keys are missing", Ask: func(context.Context) error { return nil }},
		health.Check{Words: "Temporal cannot be reached", Ask: func(context.Context) error { asked++; return away }},
	)
	expect(http.StatusOK, `{"result":"ok"}`)
	away = errors.New("connection refused by 127.0.0.1")
	expect(http.StatusOK, `{"result":"ok"}`) // asked a moment ago
	require.Equal(t, 1, asked)
	now = now.Add(3 * time.Second)
	expect(http.StatusServiceUnavailable, `{"result":"unavailable","reason":"Temporal cannot be reached"}`)
	expect(http.StatusServiceUnavailable, `{"result":"unavailable","reason":"Temporal cannot be reached"}`)
	require.Equal(t, 2, asked)
	require.Contains(t, log.String(), "connection refused")
	away, now = nil, now.Add(3*time.Second)
	expect(http.StatusOK, `{"result":"ok"}`)
	r.End()
	expect(http.StatusServiceUnavailable, `{"result":"unavailable","reason":"stopping"}`)
	require.Equal(t, 3, asked, "who stops asks nobody")
}
