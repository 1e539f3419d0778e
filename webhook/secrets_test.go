package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"

	"parley/internal/secrets/parameters"
	"parley/internal/secrets/parameterstest"
	"parley/internal/settings"
)

const parameter = "/sinch/conversation-webhook-secret"

// keptApart are callbacks whose secrets are in a parameter store.
func keptApart(t *testing.T, f *fake, values map[string]string) (*parameterstest.Store, http.Handler) {
	t.Helper()
	kept := parameterstest.Start(t, values)
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	store, err := parameters.Open(slog.New(slog.DiscardHandler), noop.Meter{})
	require.NoError(t, err)
	h := callbacks(f)
	h.Secrets, err = settings.SinchCallbacks{WebhookSecretParam: parameter}.Secrets(store)
	require.NoError(t, err)
	return kept, h.Handler()
}

// TestSecretIsReplaced: no callback is lost, in whatever order the secret is
// replaced, and without a restart.
func TestSecretIsReplaced(t *testing.T) {
	var f fake
	kept, handler := keptApart(t, &f, map[string]string{parameter: "first"})
	body := text("15559876543", "")
	answered := func(want int, secret string) {
		t.Helper()
		response, said := ask(t, handler, signed(body, secret, signedAt))
		require.Equal(t, want, response.StatusCode, said)
	}

	answered(http.StatusOK, "first")
	require.Equal(t, 1, kept.Asked(parameter))
	kept.Put(parameter, "second,first") // the first callback after it may be signed with either
	answered(http.StatusOK, "second")
	answered(http.StatusOK, "first")
	require.Equal(t, 2, kept.Asked(parameter))
	kept.Put(parameter, "second")
	answered(http.StatusOK, "second")
	answered(http.StatusUnauthorized, "forged")
	answered(http.StatusUnauthorized, "first")
}

// TestParameterStoreIsAway: what can be checked is taken; what cannot is not
// refused, since that would lose it.
func TestParameterStoreIsAway(t *testing.T) {
	var f fake
	kept, handler := keptApart(t, &f, map[string]string{parameter: "first"})
	kept.Fail(parameterstest.Refuse(http.StatusInternalServerError, "InternalServerError"))
	body := text("15559876543", "")

	response, said := ask(t, handler, signed(body, "first", signedAt))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "the secrets of callbacks cannot be read", said["reason"])
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.Empty(t, f.calls)

	kept.Fail(nil)
	response, _ = ask(t, handler, signed(body, "first", signedAt))
	require.Equal(t, http.StatusOK, response.StatusCode)

	kept.Put(parameter, "second")
	kept.Fail(parameterstest.Hang)
	response, _ = ask(t, handler, signed(body, "first", signedAt))
	require.Equal(t, http.StatusOK, response.StatusCode)
	response, _ = ask(t, handler, signed(body, "second", signedAt))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "nobody can say that it is wrong")
	kept.Fail(nil)
	response, _ = ask(t, handler, signed(body, "second", signedAt))
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// TestForgeriesAskSeldom: a stranger cannot use us to load the parameter store.
func TestForgeriesAskSeldom(t *testing.T) {
	var f fake
	kept, handler := keptApart(t, &f, map[string]string{parameter: "first"})
	var strangers sync.WaitGroup
	for range 100 {
		strangers.Go(func() {
			response, _ := ask(t, handler, signed([]byte("{}"), "forged", signedAt))
			require.Contains(t, []int{http.StatusUnauthorized, http.StatusTooManyRequests}, response.StatusCode)
		})
	}
	strangers.Wait()
	require.LessOrEqual(t, kept.Asked(parameter), 4)
	require.Empty(t, f.calls)
}

// TestNoSuchParameter is said at once, and not only once somebody calls.
func TestNoSuchParameter(t *testing.T) {
	kept := parameterstest.Start(t, map[string]string{})
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	var log lines
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, environment("SINCH_WEBHOOK_SECRET", "", "SINCH_WEBHOOK_SECRET_PARAM", parameter), io.Discard, &log)
	}()
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), "callbacks get 503: the secrets of callbacks cannot be read") && strings.Contains(log.String(), "there is no such parameter in this region")
	}, 10*time.Second, 10*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}

// TestKeysAreAway: a webhook that could only write in clear, although it shall
// not, is not ready.
func TestKeysAreAway(t *testing.T) {
	const keys = "/parley/encryption-keys"
	kept := parameterstest.Start(t, map[string]string{})
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	var log lines
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, nil, environment("PARLEY_ENCRYPTION_KEYS_PARAM", keys), io.Discard, &log) }()
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), "callbacks get 503: the encryption keys cannot be read") && strings.Contains(log.String(), "for=callbacks")
	}, time.Minute, 10*time.Millisecond)
	_, address, _ := strings.Cut(log.String(), "for=callbacks address=")
	address, _, _ = strings.Cut(address, "\n")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Contains(t, string(said), "the encryption keys cannot be read")
	stop()
	require.NoError(t, <-ended)
}
