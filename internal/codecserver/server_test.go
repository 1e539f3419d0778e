package codecserver

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/internal/telemetry"
)

const (
	codecToken = "a-token-of-ana-0001" //nolint:gosec // of nobody
	codecUI    = "http://127.0.0.1:8233"
)

// codecWorld is a codec server with one key.
type codecWorld struct {
	t      *testing.T
	server *Server
	url    string
	log    *strings.Builder
	data   converter.DataConverter
}

func newCodecWorld(t *testing.T, change ...func(*Settings)) *codecWorld {
	t.Helper()
	entry, err := encryption.NewKey("first")
	require.NoError(t, err)
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(entry))
	require.NoError(t, err)
	var o client.Options
	encryption.Apply(&o, keys)
	s := Settings{Tokens: []string{"a-token-of-bob-0001", codecToken}, Origins: []string{codecUI + "/"}, Namespaces: []string{client.DefaultNamespace}}
	for _, f := range change {
		f(&s)
	}
	w := &codecWorld{t: t, log: &strings.Builder{}, data: o.DataConverter}
	w.server, err = New(telemetry.Logger(w.log, telemetry.Text, slog.LevelInfo), keys, s)
	require.NoError(t, err)
	listener := httptest.NewServer(w.server)
	t.Cleanup(listener.Close)
	w.url = listener.URL
	return w
}

func (w *codecWorld) payload(text string) *commonpb.Payload {
	w.t.Helper()
	p, err := w.data.ToPayload(text)
	require.NoError(w.t, err)
	return p
}

// told is what the server answered.
type told struct {
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
	Body       []byte
}

// ask posts; each header is a name and a value.
func (w *codecWorld) ask(method, path, body string, headers ...string) told {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	require.NoError(w.t, err)
	said, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	return told{StatusCode: response.StatusCode, Header: response.Header, Cookies: response.Cookies(), Body: said}
}

func (w *codecWorld) body(payloads ...*commonpb.Payload) string {
	w.t.Helper()
	raw, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	require.NoError(w.t, err)
	return string(raw)
}

func (w *codecWorld) texts(response told) []string {
	w.t.Helper()
	require.Equal(w.t, http.StatusOK, response.StatusCode)
	var payloads commonpb.Payloads
	require.NoError(w.t, protojson.Unmarshal(response.Body, &payloads))
	var texts []string
	for _, p := range payloads.GetPayloads() {
		var text string
		if converter.GetDefaultDataConverter().FromPayload(p, &text) != nil {
			text = "still encrypted"
		}
		texts = append(texts, text)
	}
	return texts
}

var bearer = []string{"Authorization", "Bearer " + codecToken, "X-Namespace", "default"}

func TestCodecDecodes(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t)
	plain, err := converter.GetDefaultDataConverter().ToPayload("in clear")
	require.NoError(t, err)
	foreign := w.payload("of another key")
	foreign.Metadata[encryption.MetadataKeyID] = []byte("another")

	response := w.ask(http.MethodPost, "/decode?preserveStorageRefs=true", w.body(w.payload("hello"), foreign, plain), bearer...)
	require.Equal(t, []string{"hello", "still encrypted", "in clear"}, w.texts(response))
	require.Contains(t, w.log.String(), `result=ok who="token 2" namespace=default payloads=3 decrypted=1 unreadable=1`)
	require.Contains(t, w.log.String(), `encrypted with the key \"another\"`)
	require.NotContains(t, w.log.String(), "hello")
	require.NotContains(t, w.log.String(), codecToken)

	unnamed := []string{"Authorization", "Bearer " + codecToken, "X-Namespace", ""}
	require.Equal(t, []string{"hello"}, w.texts(w.ask(http.MethodPost, "/decode", w.body(w.payload("hello")), unnamed...)), "as Temporal's command line asks")
}

func TestCodecRefuses(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t)
	body := w.body(w.payload("hello"))
	for name, tt := range map[string]struct {
		method, path, body string
		headers            []string
		want               int
	}{
		"no token":            {http.MethodPost, "/decode", body, []string{"X-Namespace", "default"}, http.StatusUnauthorized},
		"wrong token":         {http.MethodPost, "/decode", body, []string{"X-Namespace", "default", "Authorization", "Bearer " + codecToken + "x"}, http.StatusUnauthorized},
		"empty token":         {http.MethodPost, "/decode", body, []string{"X-Namespace", "default", "Authorization", "Bearer "}, http.StatusUnauthorized},
		"without bearer":      {http.MethodPost, "/decode", body, []string{"X-Namespace", "default", "Authorization", codecToken}, http.StatusUnauthorized},
		"made-up session":     {http.MethodPost, "/decode", body, []string{"X-Namespace", "default", "Cookie", sessionCookie + "=1.9999999999.00"}, http.StatusUnauthorized},
		"another namespace":   {http.MethodPost, "/decode", body, []string{"X-Namespace", "other", "Authorization", "Bearer " + codecToken}, http.StatusForbidden},
		"another origin":      {http.MethodPost, "/decode", body, append([]string{"Origin", "http://evil.example"}, bearer...), http.StatusForbidden},
		"origin null":         {http.MethodPost, "/decode", body, append([]string{"Origin", "null"}, bearer...), http.StatusForbidden},
		"like the origin":     {http.MethodPost, "/decode", body, append([]string{"Origin", codecUI + ".evil.example"}, bearer...), http.StatusForbidden},
		"another's preflight": {http.MethodOptions, "/decode", "", []string{"Origin", "http://evil.example", "Access-Control-Request-Method", "POST"}, http.StatusForbidden},
		"encode":              {http.MethodPost, "/encode", body, bearer, http.StatusNotFound},
		"download":            {http.MethodPost, "/download", body, bearer, http.StatusNotFound},
		"get":                 {http.MethodGet, "/decode", "", bearer, http.StatusMethodNotAllowed},
		"no JSON":             {http.MethodPost, "/decode", "hello", bearer, http.StatusBadRequest},
		"too large":           {http.MethodPost, "/decode", strings.Repeat(" ", mostPayloads+1), bearer, http.StatusRequestEntityTooLarge},
	} {
		response := w.ask(tt.method, tt.path, tt.body, tt.headers...)
		require.Equal(t, tt.want, response.StatusCode, name)
		if strings.Contains(name, "origin") || strings.Contains(name, "another's") {
			require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), name)
			require.Empty(t, response.Header.Get("Access-Control-Allow-Credentials"), name)
		}
	}
	require.NotContains(t, w.log.String(), codecToken)
	require.NotContains(t, w.log.String(), "namespace=other")
}

func TestCodecForTheUI(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t)
	preflight := w.ask(http.MethodOptions, "/decode", "", "Origin", codecUI, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-namespace")
	require.Equal(t, http.StatusNoContent, preflight.StatusCode)
	require.Equal(t, codecUI, preflight.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", preflight.Header.Get("Access-Control-Allow-Credentials"))
	require.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	require.Equal(t, "Origin", preflight.Header.Get("Vary"))

	form := url.Values{"token": {codecToken}}.Encode()
	own := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", w.url}
	for _, origin := range []string{"", "null", codecUI, "http://evil.example"} {
		require.Equal(t, http.StatusForbidden, w.ask(http.MethodPost, "/session", form, "Content-Type", own[1], "Origin", origin).StatusCode, origin)
	}
	require.Equal(t, http.StatusUnauthorized, w.ask(http.MethodPost, "/session", "token=wrong", own...).StatusCode)
	signedIn := w.ask(http.MethodPost, "/session", form, own...)
	require.Equal(t, http.StatusSeeOther, signedIn.StatusCode)
	require.Len(t, signedIn.Cookies, 1)
	cookie := signedIn.Cookies[0]
	require.True(t, cookie.HttpOnly)
	require.False(t, cookie.Secure, "the UI is on plain HTTP")
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.NotContains(t, cookie.Value, codecToken)

	session := []string{"Origin", codecUI, "X-Namespace", "default", "Cookie", cookie.Name + "=" + cookie.Value}
	decoded := w.ask(http.MethodPost, "/decode", w.body(w.payload("hello")), session...)
	require.Equal(t, codecUI, decoded.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, []string{"hello"}, w.texts(decoded))
	require.Contains(t, w.log.String(), `who="token 2, signed in"`)

	number, ok := w.server.session(cookie.Value, time.Now().Add(sessionLasts-time.Minute))
	require.True(t, ok)
	require.Equal(t, 2, number)
	_, ok = w.server.session(cookie.Value, time.Now().Add(sessionLasts+time.Minute))
	require.False(t, ok, "it ends")
	_, ok = newCodecWorld(t).server.session(cookie.Value, time.Now())
	require.False(t, ok, "another server signs otherwise")

	ended := w.ask(http.MethodPost, "/session/end", "", own...)
	require.Negative(t, ended.Cookies[0].MaxAge)
	require.True(t, newCodecWorld(t, func(s *Settings) { s.Origins = []string{"https://ui.example"} }).server.secure)
}

func TestCodecLimitsGuesses(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t)
	body := w.body(w.payload("hello"))
	session := w.server.newSession(1, time.Now().Add(time.Hour))
	for range guesses {
		require.Equal(t, http.StatusUnauthorized, w.ask(http.MethodPost, "/decode", body, "X-Namespace", "default", "Authorization", "Bearer guess").StatusCode)
	}
	late := w.ask(http.MethodPost, "/decode", body, bearer...)
	require.Equal(t, http.StatusTooManyRequests, late.StatusCode, "also the right one")
	require.NotEmpty(t, late.Header.Get("Retry-After"))
	require.Equal(t, []string{"hello"}, w.texts(w.ask(http.MethodPost, "/decode", body, "X-Namespace", "default", "Cookie", sessionCookie+"="+session)))
}

func TestCodecSettings(t *testing.T) {
	t.Parallel()
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		settings Settings
		want     string
	}{
		"no token":         {Settings{}, "set PARLEY_CODEC_TOKEN to 16 characters or more"},
		"short":            {Settings{Tokens: []string{codecToken, "short"}}, "set PARLEY_CODEC_TOKEN to 16 characters or more"},
		"any origin":       {Settings{Tokens: []string{codecToken}, Origins: []string{"*"}}, "set PARLEY_CODEC_ORIGIN"},
		"origin with path": {Settings{Tokens: []string{codecToken}, Origins: []string{"http://127.0.0.1:8233/namespaces"}}, "without a path"},
	} {
		_, err := New(slog.New(slog.DiscardHandler), keys, tt.settings)
		require.ErrorContains(t, err, tt.want, name)
		require.NotContains(t, err.Error(), codecToken)
	}
}
