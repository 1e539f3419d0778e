package archive_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/internal/archive"
)

const secret = "a secret of ours"

// keeper is a service as docs describe it: it keeps what it is sent, and knows
// what was asked.
type keeper struct {
	t *testing.T

	mu    sync.Mutex
	kept  []activities.Record
	ids   []string // idempotency keys of what was posted
	asked []url.Values
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.URL.Query().Get("token") != "private" {
		k.t.Error("the URL's own query is gone")
	}
	verifier, err := standardwebhooks.NewWebhookRaw([]byte(secret))
	if err != nil {
		k.t.Error(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		k.t.Error(err)
	}
	if r.Method == http.MethodGet {
		body = []byte(r.URL.RawQuery)
	}
	if err := verifier.Verify(body, r.Header); err != nil {
		k.t.Error(err)
	}
	switch r.Method {
	case http.MethodPost:
		var posted struct {
			Kind         string
			Conversation string
			Records      []activities.Record
		}
		if err := json.Unmarshal(body, &posted); err != nil {
			k.t.Error(err)
		}
		if posted.Kind == "erase" {
			k.erase(w, r.Header.Get("Idempotency-Key"), posted.Conversation)
			return
		}
		k.kept = append(k.kept, posted.Records...)
		k.ids = append(k.ids, r.Header.Get("Idempotency-Key"))
		w.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		k.asked = append(k.asked, r.URL.Query())
		if err := json.NewEncoder(w).Encode(map[string]any{"records": k.answer(r.URL.Query()), "more": true}); err != nil {
			k.t.Error(err)
		}
	}
}

func (k *keeper) erase(w http.ResponseWriter, id, conversation string) {
	before := len(k.kept)
	if !slices.Contains(k.ids, id) {
		k.kept = slices.DeleteFunc(k.kept, func(r activities.Record) bool {
			return r.Conversation == conversation || strings.HasPrefix(r.Conversation, conversation+":")
		})
	}
	k.ids = append(k.ids, id)
	if err := json.NewEncoder(w).Encode(map[string]int{"erased": before - len(k.kept)}); err != nil {
		k.t.Error(err)
	}
}

func (k *keeper) answer(query url.Values) []activities.Record {
	return slices.DeleteFunc(slices.Clone(k.kept), func(r activities.Record) bool {
		m := query.Get("message")
		return query.Get("conversation") != r.Conversation && m != r.Key && m != r.MessageID
	})
}

func service(t *testing.T) (*keeper, archive.Hook) {
	t.Helper()
	k := &keeper{t: t}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	return k, archive.Hook{Hook: activities.Hook{URL: server.URL + "/archive?token=private", Secret: secret}}
}

func TestHookKeepsAndTells(t *testing.T) {
	t.Parallel()

	k, h := service(t)
	first, second := ours(ana, anas1, 1), ours(ana, anas1, 2)
	delivered := became(first, "delivered")
	store(t, h, second, first)
	store(t, h, delivered)
	store(t, h, ours(ben, bens, 1))
	store(t, h)
	require.Len(t, k.ids, 3, "nothing is not posted")

	records, err := h.Recent(t.Context(), ana, 20)
	require.NoError(t, err)
	require.Equal(t, []activities.Record{delivered, second}, records)
	require.Equal(t, []string{second.Key}, keys(t, h, ana, 1), "also from a service that ignores the limit")
	require.Equal(t, ana, k.asked[0].Get("conversation"))
	require.Equal(t, "20", k.asked[0].Get("limit"))

	for _, keyOrID := range []string{first.Key, first.Key + ".3", first.MessageID} {
		r, err := h.Find(t.Context(), keyOrID)
		require.NoError(t, err)
		require.Equal(t, delivered, r)
	}
	require.Equal(t, first.Key, k.asked[3].Get("message"), "the service need not know about attempts")
	_, err = h.Find(t.Context(), anas1+"-3")
	require.ErrorIs(t, err, activities.ErrNoRecord)
	_, err = h.Find(t.Context(), "")
	require.ErrorIs(t, err, activities.ErrNoRecord)
}

// A batch that is stored again, by this or another worker, is known again.
func TestHookIdempotencyKey(t *testing.T) {
	t.Parallel()

	k, h := service(t)
	records := []activities.Record{ours(ana, anas1, 1), ours(ana, anas1, 2)}
	raw, err := json.Marshal(records)
	require.NoError(t, err)
	var elsewhere []activities.Record
	require.NoError(t, json.Unmarshal(raw, &elsewhere))
	store(t, h, records...)
	store(t, h, elsewhere...)
	store(t, h, records[0])
	require.Equal(t, k.ids[0], k.ids[1])
	require.NotEqual(t, k.ids[0], k.ids[2])
}

// What a service tells about somebody else is never taken for this contact's.
func TestHookTellsTooMuch(t *testing.T) {
	t.Parallel()

	all, err := json.Marshal(map[string]any{"records": []activities.Record{ours(ana, anas1, 1), ours(ben, bens, 1)}})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(all) }))
	t.Cleanup(server.Close)
	h := archive.Hook{Hook: activities.Hook{URL: server.URL}}
	require.Equal(t, []string{bens + "-1"}, keys(t, h, ben, 20))
	_, err = h.Find(t.Context(), anas2+"-1")
	require.ErrorIs(t, err, activities.ErrNoRecord)
}

func TestHookAnswers(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		status int
		body   string
		stores bool
		tells  string // what is wrong with it as an answer to a question
	}{
		"keeps and tells nothing":   {status: 200, body: `{"records":[]}`, stores: true},
		"an empty object":           {status: 200, body: `{}`, stores: true},
		"no content":                {status: 204, stores: true},
		"not found":                 {status: 404, body: "no"},
		"does not tell":             {status: 405},
		"does not know how to tell": {status: 501},
		"no JSON":                   {status: 200, body: "text 1 of +15559876543", stores: true, tells: "its answer is not like"},
		"another JSON":              {status: 200, body: `{"records":15559876543}`, stores: true, tells: "its answer is not like"},
		"elsewhere":                 {status: 302, tells: "HTTP 302"},
		"who are you":               {status: 401, tells: "HTTP 401"},
		"an error of its own":       {status: 500, body: "text 1 of +15559876543", tells: "HTTP 500"},
		"too much":                  {status: 200, body: strings.Repeat(" ", 5<<20), tells: "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Error("a redirect was followed")
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			h := archive.Hook{Hook: activities.Hook{URL: server.URL + "/?token=private"}}

			stored := h.Store(t.Context(), []activities.Record{ours(ana, anas1, 1)})
			require.Equal(t, test.stores, stored == nil, stored)
			_, recent := h.Recent(t.Context(), ana, 20)
			_, found := h.Find(t.Context(), anas1+"-1")
			if test.tells == "" {
				require.NoError(t, recent)
				require.ErrorIs(t, found, activities.ErrNoRecord)
			} else {
				require.ErrorContains(t, recent, test.tells)
				require.ErrorContains(t, found, test.tells)
			}
			for _, err := range []error{stored, recent, found} {
				discreet(t, err)
			}
		})
	}
}

// discreet fails if an error says what does not belong into a log.
func discreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, private := range []string{"private", "5559876543", "text 1", "http://"} {
		require.NotContains(t, err.Error(), private)
	}
}

func TestHookCannotBeReached(t *testing.T) {
	t.Parallel()

	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, address := range map[string]string{"away": away.URL + "/?token=private", "no URL": "http://[private"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			h := archive.Hook{Hook: activities.Hook{URL: address}}
			stored := h.Store(t.Context(), []activities.Record{ours(ana, anas1, 1)})
			_, recent := h.Recent(t.Context(), ana, 20)
			_, found := h.Find(t.Context(), anas1+"-1")
			for _, err := range []error{stored, recent, found} {
				require.ErrorContains(t, err, "PARLEY_ARCHIVE_URL")
				require.NotErrorIs(t, err, activities.ErrNoRecord, "who cannot ask cannot say that there is none")
				discreet(t, err)
			}
		})
	}
}

func TestHookEndsWithItsContext(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {
		cancel()
		<-gone
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(gone) })
	h := archive.Hook{Hook: activities.Hook{URL: server.URL + "/?token=private"}}
	_, err := h.Find(ctx, anas1+"-1")
	require.ErrorIs(t, err, context.Canceled)
	discreet(t, err)
}

func TestHookRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()

	k, h := service(t)
	r := ours(ana, anas1, 1)
	r.At = r.At.AddDate(9000, 0, 0) // JSON has no such year
	err := h.Store(t.Context(), []activities.Record{r})
	require.ErrorContains(t, err, "PARLEY_ARCHIVE_URL")
	discreet(t, err)
	require.Empty(t, k.ids)
}
