package doctor

import (
	"crypto/x509"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
)

// doors are what may stand where the webhook should.
func TestJudgesTheDoor(t *testing.T) {
	t.Parallel()
	says := func(status int, header http.Header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-20*time.Minute-30*time.Second).UTC().Format(http.TimeFormat))
		says(401, nil, `{"result":"refused","reason":"callback is rightly signed, but its time is outside the accepted window"}`)(w, r)
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  Status
		found   string
	}{
		{"taken", says(200, nil, `{"result":"dropped","reason":"trigger"}`), OK, "signed, taken and dropped"},
		{"another app's", says(200, nil, `{"result":"dropped","reason":"app"}`), Fail, "the webhook belongs to another app than"},
		{"another program", says(200, nil, `<html>`), Fail, "something else answered 200"},
		{"wrong secret, too often", says(429, nil, `{"result":"refused","reason":"too many callbacks without a right signature; callback has a wrong signature"}`), Fail, "refused: too many"},
		{"wrong secret", says(401, nil, `{"result":"refused","reason":"callback has a wrong signature"}`), Fail, "refused: callback has a wrong signature"},
		{"wrong clock", late, Fail, "clocks differ by about 20m"},
		{"a guard", says(403, nil, ``), Fail, "something before the webhook answered 403"},
		{"wrong path", says(404, nil, ``), Fail, "answered 404: not the webhook's path"},
		{"moved", says(308, http.Header{"Location": {"https://www.example.com/webhooks/sinch?token=t0ken"}}, ``), Fail, "redirected to https://www.example.com/webhooks/sinch"},
		{"moved here", says(301, http.Header{"Location": {"/webhooks/sinch/"}}, ``), Fail, "redirected to /webhooks/sinch/"},
		{"no Temporal", says(503, nil, `{"result":"unavailable","reason":"Temporal did not take it"}`), Fail, "the webhook answered 503: Temporal did not take it"},
		{"no webhook", says(502, nil, ``), Fail, "answered 502 by something before the webhook"},
		{"strange", says(418, nil, ``), Fail, "answered 418"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.handler)
			t.Cleanup(server.Close)
			f := probed(t, server.URL)["probe"][0]
			require.Equal(t, tt.status, f.Status)
			require.Contains(t, f.Found, tt.found)
			require.NotContains(t, f.Found, "t0ken")
		})
	}
}

func probed(t *testing.T, at string, change ...func(*Doctor)) map[string][]Finding {
	t.Helper()
	return examined(t, settings.Env{"SINCH_WEBHOOK_SECRET": "h00k-s3cret"}, append(change, probing(at+"/webhooks/sinch"))...)
}

func TestDoesNotGetThrough(t *testing.T) {
	t.Parallel()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	open := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(open.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	u, err := url.Parse(open.URL)
	require.NoError(t, err)

	f := one(t, probed(t, tls.URL), "probe")
	require.Equal(t, "the certificate is not trusted", f.Found)
	require.Equal(t, Fail, f.Status)
	require.Equal(t, "the other side does not speak TLS", one(t, probed(t, "https://"+u.Host), "probe").Found)
	require.Equal(t, "nothing listens there", one(t, probed(t, "http://127.0.0.1:9"), "probe").Found)
	require.Equal(t, "no answer in time", one(t, probed(t, silent.URL, hasty), "probe").Found)
	require.Equal(t, "--probe is not a URL", one(t, probed(t, "sms.example.com"), "probe").Found)
}

// Whoever takes a call and says nothing keeps it waiting no longer than it said.
func TestComesToAnEnd(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	at := silent.Addr().String()
	found := examined(t, settings.Env{
		"TEMPORAL_ADDRESS": at, "SINCH_WEBHOOK_SECRET": "h00k-s3cret",
		"SINCH_PROJECT_ID": "p", "SINCH_APP_ID": "a", "SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "k3y-s3cret", "SINCH_API_URL": "http://" + at, "SINCH_AUTH_URL": "http://" + at,
	}, hasty, probing("http://"+at+"/webhooks/sinch"))
	for _, check := range []string{"Temporal", "Sinch's app", "Sinch's webhook", "probe"} {
		require.Equal(t, Fail, one(t, found, check).Status, check)
	}
	require.Equal(t, "Sinch's answer: timeout", one(t, found, "Sinch's app").Found)
}

func TestNamesTheFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err   error
		found string
	}{
		{&net.DNSError{Err: "no such host", Name: "t0ken.example.com"}, "the host's name does not resolve"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "t0ken"}, "the certificate is for another name"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "the certificate has expired, or is not valid yet"},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, "the certificate is not trusted"},
		{io.ErrUnexpectedEOF, "the connection failed"},
	}
	for _, tt := range tests {
		f := unreached("probe", &url.Error{Op: "Post", URL: "https://t0ken.example.com", Err: tt.err})
		require.Equal(t, Fail, f.Status)
		require.Equal(t, tt.found, f.Found)
		require.NotEmpty(t, f.Advice)
	}
}

func TestSeesACertificateEnd(t *testing.T) {
	t.Parallel()
	e := &examination{}
	require.Empty(t, e.expiring(time.Time{}), "plain http has none")
	require.Empty(t, e.expiring(time.Now().Add(15*24*time.Hour)))
	f := e.expiring(time.Now().Add(13*24*time.Hour + 30*time.Second))
	require.Equal(t, []Finding{{Check: "probe", Status: Warn, Found: "the certificate ends in 13d0h", Advice: "renew it"}}, f)
}
