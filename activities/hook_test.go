package activities_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

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

// TestHookGoesNowhereElse: what a service answers leads to no other, not to one of
// this machine or its network, nor is that one told a text or a signature.
func TestHookGoesNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	for _, location := range []string{elsewhere.URL, "http://169.254.169.254/latest/meta-data/", "http://localhost:1/", "//127.0.0.1:1/", "/elsewhere"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			asked := 0
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}))
			hook := activities.Hook{URL: service.URL, Secret: "a secret of ours"}
			err := hook.Tell(t.Context(), "PARLEY_OUTCOME_URL", "id", map[string]string{"text": "See you"})
			require.EqualError(t, err, fmt.Sprintf("posting to PARLEY_OUTCOME_URL: it answered HTTP %d, a redirect, which is not followed: set the URL to the service itself", status))
			got, _, err := hook.Get(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, status, got)
			require.Equal(t, 2, asked)
			service.Close()
		}
	}
}

// TestHookIsBounded: neither an endless answer nor a slow one keeps us.
func TestHookIsBounded(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		packed := gzip.NewWriter(w)
		w.Header().Set("Content-Encoding", "gzip")
		for zeros := make([]byte, 1<<20); r.Context().Err() == nil; {
			if _, err := packed.Write(zeros); err != nil {
				return
			}
		}
	}))
	t.Cleanup(service.Close)
	_, _, err := activities.Hook{URL: service.URL}.Post(t.Context(), "id", nil)
	require.EqualError(t, err, "its answer is larger than 65536 bytes")
	_, _, err = activities.Hook{URL: service.URL}.Get(t.Context(), nil)
	require.EqualError(t, err, "its answer is larger than 4194304 bytes")

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _, err = activities.Hook{URL: service.URL + "/slow"}.Post(ctx, "id", nil)
	require.EqualError(t, err, "it did not answer in time")

	var until time.Time
	watched := activities.Hook{URL: service.URL, Client: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		until, _ = r.Context().Deadline()
		return nil, io.EOF
	})}}
	_, _, err = watched.Post(context.WithoutCancel(t.Context()), "id", nil)
	require.ErrorIs(t, err, io.EOF)
	require.WithinDuration(t, time.Now(), until, 5*time.Minute, "also where the caller would wait for ever")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
