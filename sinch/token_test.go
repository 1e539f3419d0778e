package sinch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sms"
)

// keys is where an access key is kept: each way to ask for it gives what the test
// says.
type keys struct {
	known, newer [2]string
	err          error
	renewed      atomic.Int32
}

func (k *keys) get(_ context.Context, renew bool) (string, string, error) {
	if k.err != nil {
		return "", "", k.err
	}
	if renew {
		k.renewed.Add(1)
		k.known = k.newer
	}
	return k.known[0], k.known[1], nil
}

// carrier accepts one key and the tokens that were had with it. They expire so
// soon that each call fetches one, unless they are lasting.
func carrier(t *testing.T, accepted *[2]string, lasting bool) sinch.Config {
	t.Helper()
	mux := http.NewServeMux()
	expires := 1
	if lasting {
		expires = 3599
	}
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if [2]string{id, secret} != *accepted {
			answer(401, `{"error":"invalid_client"}`)(w, r)
			return
		}
		answer(200, fmt.Sprintf(`{"access_token":"token-of-%s","expires_in":%d,"token_type":"bearer"}`, id, expires))(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-of-"+accepted[0] {
			answer(401, `{"error":{"status":"UNAUTHENTICATED"}}`)(w, r)
			return
		}
		answer(200, `{"webhooks":[]}`)(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return sinch.Config{ProjectID: "p", AppID: "a", APIURL: server.URL, AuthURL: server.URL}
}

// TestAccessKeyIsReplaced: the client lives on, whatever comes first, the new
// key at Sinch, its id or its secret where both are kept.
func TestAccessKeyIsReplaced(t *testing.T) {
	t.Parallel()
	first, second, half := [2]string{"one", "s1"}, [2]string{"two", "s2"}, [2]string{"two", "s1"}
	tests := []struct {
		name         string
		lasting      bool
		accepted     [2]string
		known, newer [2]string
		renewed      int32
	}{
		{"nothing changes", false, first, first, second, 0},
		{"we know it already", false, second, second, second, 0},
		{"its token is refused", true, second, first, second, 1},
		{"the key is refused", false, second, first, second, 1},
		{"we know half of it", false, second, half, second, 1},
		{"half of it is to be known, the last one is good", false, first, half, half, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			accepted := first
			config := carrier(t, &accepted, tt.lasting)
			k := &keys{known: first, newer: first}
			config.Keys = k.get
			client := newClient(t, config)
			_, err := client.ListWebhooks(t.Context())
			require.NoError(t, err)

			accepted, k.known, k.newer = tt.accepted, tt.known, tt.newer
			_, err = client.ListWebhooks(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.renewed, k.renewed.Load())
		})
	}
}

// TestTokenIsRefusedWhileNoNewerKeyCanBeHad: the key that is known may still be
// good.
func TestTokenIsRefusedWhileNoNewerKeyCanBeHad(t *testing.T) {
	t.Parallel()
	token := "first"
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		answer(200, fmt.Sprintf(`{"access_token":%q,"expires_in":3599,"token_type":"bearer"}`, token))(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			answer(401, `{"error":{"status":"UNAUTHENTICATED"}}`)(w, r)
			return
		}
		answer(200, `{"webhooks":[]}`)(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client := newClient(t, sinch.Config{
		ProjectID: "p", AppID: "a", APIURL: server.URL, AuthURL: server.URL,
		Keys: func(_ context.Context, renew bool) (string, string, error) {
			if renew {
				return "", "", errors.New("AWS did not answer in time")
			}
			return "one", "s1", nil
		},
	})
	for _, token = range []string{"first", "second"} {
		_, err := client.ListWebhooks(t.Context())
		require.NoError(t, err)
	}
}

func TestNoKeyIsNotAKeyThatIsRefused(t *testing.T) {
	t.Parallel()
	accepted := [2]string{"one", "s1"}
	config := carrier(t, &accepted, false)

	config.Keys = (&keys{err: errors.New("AWS did not answer in time")}).get
	_, err := newClient(t, config).Send(t.Context(), sms.Outbound{To: "+15559876543", Text: "Hello", Key: "k"})
	var failed *sms.SendError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, sms.NotTaken, failed.Doubt, "it will be had later")
	require.ErrorContains(t, err, "AWS did not answer in time")

	wrong := [2]string{"one", "wrong"}
	config.Keys = (&keys{known: wrong, newer: wrong}).get
	_, err = newClient(t, config).Send(t.Context(), sms.Outbound{To: "+15559876543", Text: "Hello", Key: "k"})
	require.ErrorAs(t, err, &failed)
	require.Equal(t, sms.Denied, failed.Doubt)
	require.NotContains(t, err.Error(), "wrong")
}
