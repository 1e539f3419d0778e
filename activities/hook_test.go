package activities_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"parley/activities"
)

// listener is a service of the user's own that remembers what it was sent.
type listener struct {
	hook activities.Hook
	mu   sync.Mutex
	got  []heard
}

type heard struct {
	header http.Header
	query  string
	body   []byte
}

func (l *listener) requests() []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got
}

// listen starts a service that gives the same answer to everything. Its URL has
// a token, and requests to it are signed.
func listen(t *testing.T, status int) *listener {
	t.Helper()
	l := &listener{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		l.got = append(l.got, heard{r.Header, r.URL.RawQuery, body})
		l.mu.Unlock()
		w.Header().Set("Location", "/elsewhere?token=private")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"text":"a private matter of +15559876543"}`)
	}))
	t.Cleanup(server.Close)
	l.hook = activities.Hook{URL: server.URL + "/?token=private", Secret: "a secret of ours"}
	return l
}

// refused checks that an activity fails, so that the server retries it, when its
// service does not take what it is told, and that the error names the setting
// and nothing that is private.
func refused(t *testing.T, setting string, tell func(*testing.T, activities.Hook) error) {
	t.Helper()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	hooks := map[string]activities.Hook{
		"is away":   {URL: away.URL + "/?token=private"},
		"is no URL": {URL: "http://[private"},
	}
	for _, status := range []int{302, 400, 404, 500, 503} {
		hooks[fmt.Sprint("answers HTTP ", status)] = listen(t, status).hook
	}
	for name, hook := range hooks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := tell(t, hook)
			require.ErrorContains(t, err, setting)
			if status, ok := strings.CutPrefix(name, "answers "); ok {
				require.ErrorContains(t, err, status)
			}
			for _, private := range []string{"private", "5559876543", "http://", "See you"} {
				require.NotContains(t, err.Error(), private)
			}
		})
	}
}

// A question has no body; what is signed is its query, as it stands in the URL.
func TestHookGet(t *testing.T) {
	t.Parallel()

	service := listen(t, http.StatusOK)
	verifier, err := standardwebhooks.NewWebhookRaw([]byte(service.hook.Secret))
	require.NoError(t, err)
	for range 2 {
		status, answer, err := service.hook.Get(t.Context(), url.Values{"conversation": {"conversation:+15559876543"}, "limit": {"20"}})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, string(answer), "a private matter")
	}
	got := service.requests()
	require.Len(t, got, 2)
	for _, r := range got {
		require.Empty(t, r.body)
		require.Empty(t, r.header.Get("Idempotency-Key"))
		require.Equal(t, "token=private&conversation=conversation%3A%2B15559876543&limit=20", r.query)
		require.NoError(t, verifier.Verify([]byte(r.query), r.header))
		require.Error(t, verifier.Verify([]byte(strings.Replace(r.query, "543", "542", 1)), r.header))
	}
	require.NotEqual(t, got[0].header.Get("Webhook-Id"), got[1].header.Get("Webhook-Id"), "a service may refuse what was asked before")

	unsigned := activities.Hook{URL: service.hook.URL}
	_, _, err = unsigned.Get(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, service.requests()[2].header.Get("Webhook-Signature"))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = service.hook.Get(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "private")
}
