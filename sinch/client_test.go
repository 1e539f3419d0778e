package sinch_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
)

const (
	testKey    = "key-0123456789"
	testSecret = "k3ysecret~9876543210"
)

// server is a Sinch that gives out token-1, token-2, … and leaves every other
// call to the test.
type server struct {
	url    string
	tokens atomic.Int32

	// Of the last request for a token.
	mu   sync.Mutex
	auth *http.Request
	form string
}

func newServer(t *testing.T, expiresIn int, api http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.auth, s.form = r, string(body)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%d,"scope":"","token_type":"bearer"}`, s.tokens.Add(1), expiresIn)
	})
	mux.HandleFunc("/", api)
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *server) config() sinch.Config {
	return sinch.Config{
		ProjectID: "project-1", AppID: "app-1", AccessKey: testKey, AccessKeySecret: testSecret,
		APIURL: s.url, AuthURL: s.url, Sender: "+12065550100", RequestTimeout: 5 * time.Second,
	}
}

func newClient(t *testing.T, c sinch.Config) *sinch.Client {
	t.Helper()
	client, err := sinch.NewClient(c)
	require.NoError(t, err)
	return client
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestNewClientNamesTheSetting(t *testing.T) {
	t.Parallel()
	good := sinch.Config{Region: "eu", ProjectID: "p", AppID: "a", AccessKey: "k", AccessKeySecret: "s"}
	tests := []struct {
		name   string
		change func(*sinch.Config)
		want   string // empty: accepted
	}{
		{"complete", func(*sinch.Config) {}, ""},
		{"no region means us", func(c *sinch.Config) { c.Region = "" }, ""},
		{"region in capitals", func(c *sinch.Config) { c.Region = "BR" }, ""},
		{"with a token path", func(c *sinch.Config) { c.AuthURL = "http://127.0.0.1:8090/oauth2/token" }, ""},
		{"unknown region", func(c *sinch.Config) { c.Region = "au" }, "SINCH_REGION"},
		{"no project", func(c *sinch.Config) { c.ProjectID = "" }, "SINCH_PROJECT_ID"},
		{"no app", func(c *sinch.Config) { c.AppID = "" }, "SINCH_APP_ID"},
		{"no key", func(c *sinch.Config) { c.AccessKey = "" }, "SINCH_ACCESS_KEY "},
		{"no secret", func(c *sinch.Config) { c.AccessKeySecret = "" }, "SINCH_ACCESS_KEY_SECRET"},
		{"API without scheme", func(c *sinch.Config) { c.APIURL = "127.0.0.1:8090" }, "SINCH_API_URL"},
		{"token endpoint with a password", func(c *sinch.Config) { c.AuthURL = "https://u:hunter2@host" }, "SINCH_AUTH_URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			_, err := sinch.NewClient(c)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "set "+tt.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}

	_, err := sinch.NewClient(sinch.Config{})
	for _, setting := range []string{"SINCH_PROJECT_ID", "SINCH_APP_ID", "SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET"} {
		require.ErrorContains(t, err, setting, "all at once")
	}
}

func TestConfigHidesItsSecret(t *testing.T) {
	t.Parallel()
	c := sinch.Config{ProjectID: "p", AppID: "a", AccessKey: testKey, AccessKeySecret: testSecret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, c), testSecret, verb)
		require.NotContains(t, fmt.Sprintf(verb, &c), testSecret, verb)
	}
}

func TestTokenIsFetchedOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token-1" {
			t.Errorf("the token is %q", got)
		}
		answer(200, `{"webhooks":[]}`)(w, r)
	})
	client := newClient(t, s.config())

	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			_, err := client.ListWebhooks(t.Context())
			require.NoError(t, err)
		})
	}
	calls.Wait()

	require.EqualValues(t, 1, s.tokens.Load())
	key, secret, ok := s.auth.BasicAuth()
	require.True(t, ok)
	require.Equal(t, []string{testKey, testSecret}, []string{key, secret})
	require.Equal(t, "grant_type=client_credentials", s.form)
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		expiresIn int
		tokens    int32
	}{
		{"well before", 70, 1},
		{"within the last minute", 50, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, tt.expiresIn, answer(200, `{}`))
			client := newClient(t, s.config())
			for range 2 {
				_, err := client.ListWebhooks(t.Context())
				require.NoError(t, err)
			}
			require.Equal(t, tt.tokens, s.tokens.Load())
		})
	}
}

// Calls that meet the same dead token share one new one.
func TestTokenIsRenewedOnceAfter401(t *testing.T) {
	t.Parallel()
	const callers = 8
	var met atomic.Int32
	all := make(chan struct{})
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			if met.Add(1) == callers {
				close(all)
			}
			<-all
			answer(401, `{"error":{"status":"UNAUTHENTICATED"}}`)(w, r)
			return
		}
		answer(200, `{}`)(w, r)
	})
	client := newClient(t, s.config())

	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			_, err := client.ListWebhooks(t.Context())
			require.NoError(t, err)
		})
	}
	calls.Wait()
	require.EqualValues(t, 2, s.tokens.Load())
}

// Nobody waits for another's token longer than for their own call.
func TestTokenWaitHeedsTheContext(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	auth := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(auth.Close)
	s := newServer(t, 3599, answer(200, `{}`))
	config := s.config()
	config.AuthURL = auth.URL
	client := newClient(t, config)

	var first sync.WaitGroup
	first.Go(func() { _, _ = client.ListWebhooks(context.Background()) })
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.ListWebhooks(ctx)
	require.ErrorContains(t, err, "cancelled")
	close(release)
	first.Wait()
}
