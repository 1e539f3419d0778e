package sinch_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sms"
)

const taken = `{"message_id":"01E4RAQSMVQY2M11G26SAE1ZM3","accepted_time":"2020-03-31T12:58:24.283289Z"}`

var hello = sms.Outbound{Key: "run-1", To: "+15559876543", Text: "The code is on the fridge"}

func sendError(t *testing.T, err error) *sms.SendError {
	t.Helper()
	var failure *sms.SendError
	require.ErrorAs(t, err, &failure)
	for _, private := range []string{hello.Text, string(hello.To), "5559876543", testKey, testSecret, "token-", "http://", "project-1"} {
		require.NotContains(t, err.Error(), private)
	}
	return failure
}

func TestSend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		own  sms.Sender // the default sender
		out  sms.Outbound
		want string
	}{
		{
			name: "from the default sender", own: "+12065550100", out: hello,
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"The code is on the fridge"}},"channel_properties":{"SMS_SENDER":"+12065550100"},"message_metadata":"run-1"}`,
		},
		{
			name: "the default sender, named", own: "+12065550100", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", From: "+12065550100"},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"channel_properties":{"SMS_SENDER":"+12065550100"},"message_metadata":"run-1"}`,
		},
		{
			name: "another sender, for a time", own: "+12065550100", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "<a>&\u2028", From: "12345", TTL: 90*time.Second + 900*time.Millisecond},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"<a>&\u2028"}},"channel_properties":{"SMS_SENDER":"12345"},"message_metadata":"run-1 12345","ttl":"90s"}`,
		},
		{
			name: "with a reference", own: "+12065550100", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", Reference: "order 7"},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"channel_properties":{"SMS_SENDER":"+12065550100"},"message_metadata":"run-1 #","correlation_id":"order 7"}`,
		},
		{
			name: "with a reference, from another sender", own: "+12065550100", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", From: "Our Shop", Reference: "A-17"},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"channel_properties":{"SMS_SENDER":"Our Shop"},"message_metadata":"run-1 # Our Shop","correlation_id":"A-17"}`,
		},
		{
			name: "with a reference as long as can be", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", Reference: strings.Repeat("é", 128)},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"message_metadata":"run-1 #","correlation_id":"` + strings.Repeat("é", 128) + `"}`,
		},
		{
			name: "with a longer reference", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", Reference: strings.Repeat("é", 127) + "👋👋"},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"message_metadata":"run-1 #","correlation_id":"` + strings.Repeat("é", 127) + `👋"}`,
		},
		{
			name: "the app's own sender, for a moment", out: sms.Outbound{Key: "run-1", To: "+15559876543", Text: "a", TTL: time.Millisecond},
			want: `{"app_id":"app-1","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
				"message":{"text_message":{"text":"a"}},"message_metadata":"run-1","ttl":"3s"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var body []byte
			s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type"); got != "POST /v1/projects/project-1/messages:send application/json" {
					t.Errorf("the request is %s", got)
				}
				body, _ = io.ReadAll(r.Body)
				answer(200, taken)(w, r)
			})
			config := s.config()
			config.Sender = tt.own

			got, err := newClient(t, config).Send(t.Context(), tt.out)
			require.NoError(t, err)
			require.Equal(t, sms.Accepted{MessageID: "01E4RAQSMVQY2M11G26SAE1ZM3", At: at("2020-03-31T12:58:24.283289Z")}, got)
			require.JSONEq(t, tt.want, string(body))
		})
	}
}

// What Sinch answers decides between the three doubts.
func TestSendAnswers(t *testing.T) {
	t.Parallel()
	const grpc = `{"error":{"code":0,"message":"Something about it.","status":"A_NAME","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo"}]}}`
	tests := []struct {
		name   string
		status int
		after  string // Retry-After
		body   string
		doubt  sms.Doubt
		code   string
		detail string
		wait   time.Duration
	}{
		{name: "rate limit", status: 429, body: grpc, doubt: sms.NotTaken, code: "A_NAME", detail: "Something about it."},
		{name: "rate limit, seconds", status: 429, after: "7", doubt: sms.NotTaken, code: "RESOURCE_EXHAUSTED", wait: 7 * time.Second},
		{name: "rate limit, nonsense", status: 429, after: "99999999999999999", doubt: sms.NotTaken, code: "RESOURCE_EXHAUSTED", wait: 24 * time.Hour},
		{name: "rate limit, negative", status: 429, after: "-5", doubt: sms.NotTaken, code: "RESOURCE_EXHAUSTED"},
		{name: "rate limit, words", status: 429, after: "later", doubt: sms.NotTaken, code: "RESOURCE_EXHAUSTED"},
		{name: "rate limit, date gone by", status: 429, after: "Wed, 21 Oct 2015 07:28:00 GMT", doubt: sms.NotTaken, code: "RESOURCE_EXHAUSTED"},

		{name: "bad request", status: 400, body: grpc, doubt: sms.Refused, code: "A_NAME", detail: "Something about it."},
		{name: "bad request, flat", status: 400, body: `{"code":400,"details":[],"error":"INVALID_ARGUMENT","message":"Something about it."}`, doubt: sms.Refused, code: "INVALID_ARGUMENT", detail: "Something about it."},
		{name: "bad request, no JSON", status: 400, body: "<html>+15559876543</html>", doubt: sms.Refused, code: "INVALID_ARGUMENT"},
		{name: "bad request, odd types", status: 400, body: `{"error":{"status":5,"message":{}}}`, doubt: sms.Refused, code: "INVALID_ARGUMENT"},
		{name: "code that is no code", status: 400, body: `{"error":{"status":"+15559876543"}}`, doubt: sms.Refused, code: "INVALID_ARGUMENT"},
		{name: "still unauthenticated", status: 401, doubt: sms.Denied, code: "UNAUTHENTICATED", detail: "check SINCH_ACCESS_KEY and SINCH_ACCESS_KEY_SECRET"},
		{name: "forbidden", status: 403, doubt: sms.Denied, code: "PERMISSION_DENIED", detail: "check that the access key may use project SINCH_PROJECT_ID, and the account's balance"},
		{name: "wrong region", status: 404, body: `{"error":{"status":"NOT_FOUND","message":"App not found"}}`, doubt: sms.Denied, code: "NOT_FOUND", detail: "App not found: check SINCH_PROJECT_ID, SINCH_APP_ID and SINCH_REGION: an app is known in its own region only"},
		{name: "another 4xx", status: 422, after: "7", doubt: sms.Denied, code: "HTTP 422"},
		{name: "no such call", status: 501, body: grpc, doubt: sms.Denied, code: "A_NAME", detail: "Something about it."},
		{name: "redirect", status: 307, doubt: sms.Denied, code: "HTTP 307", detail: "redirected, which is not followed; check SINCH_API_URL"},

		{name: "request timeout", status: 408, doubt: sms.Ambiguous, code: "HTTP 408"},
		{name: "internal", status: 500, body: grpc, doubt: sms.Ambiguous, code: "HTTP 500", detail: "Something about it."},
		{name: "bad gateway", status: 502, body: "<html>", doubt: sms.Ambiguous, code: "HTTP 502"},
		{name: "unavailable", status: 503, after: "7", doubt: sms.Ambiguous, code: "HTTP 503"},
		{name: "gateway timeout", status: 504, doubt: sms.Ambiguous, code: "HTTP 504"},
		{name: "taken, no JSON", status: 200, body: "<html>", doubt: sms.Ambiguous, code: "unreadable answer", detail: "Sinch answered without a message id"},
		{name: "taken, no id", status: 200, body: `{"accepted_time":"2020-03-31T12:58:24Z"}`, doubt: sms.Ambiguous, code: "unreadable answer", detail: "Sinch answered without a message id"},
		{name: "taken, empty", status: 204, doubt: sms.Ambiguous, code: "unreadable answer", detail: "Sinch answered without a message id"},

		{name: "the number echoed", status: 400, body: `{"error":{"message":"invalid +15559876543, 15559876543 or +1 (555) 987-6543 in 12 ms"}}`, doubt: sms.Refused, code: "INVALID_ARGUMENT", detail: "invalid •••, ••• or ••• in 12 ms"},
		{name: "the text echoed", status: 400, body: `{"error":{"message":"bad text \"The code is on the fridge\"\nsorry"}}`, doubt: sms.Refused, code: "INVALID_ARGUMENT", detail: `bad text "•••" sorry`},
		{name: "the token echoed", status: 403, body: `{"error":{"message":"token-1 may not"}}`, doubt: sms.Denied, code: "PERMISSION_DENIED", detail: "••• may not: check that the access key may use project SINCH_PROJECT_ID, and the account's balance"},
		{name: "a flood of words", status: 400, body: `{"error":{"message":"` + strings.Repeat("é", 1000) + `"}}`, doubt: sms.Refused, code: "INVALID_ARGUMENT", detail: strings.Repeat("é", 150) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sends atomic.Int32
			s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
				sends.Add(1)
				if tt.after != "" {
					w.Header().Set("Retry-After", tt.after)
				}
				if tt.status == 307 {
					w.Header().Set("Location", "/elsewhere")
				}
				answer(tt.status, tt.body)(w, r)
			})
			_, err := newClient(t, s.config()).Send(t.Context(), hello)

			require.Equal(t, &sms.SendError{Doubt: tt.doubt, Code: tt.code, Detail: tt.detail, RetryAfter: tt.wait}, sendError(t, err))
			if tt.status == 401 {
				require.EqualValues(t, 2, sends.Load(), "once more with a fresh token")
				require.EqualValues(t, 2, s.tokens.Load())
				return
			}
			require.EqualValues(t, 1, sends.Load())
		})
	}
}

func TestSendRetryAfterDate(t *testing.T) {
	t.Parallel()
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))
		answer(429, "")(w, r)
	})
	_, err := newClient(t, s.config()).Send(t.Context(), hello)
	require.InDelta(t, 90, sendError(t, err).RetryAfter.Seconds(), 5)
}

func TestSendWithExpiredToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			answer(401, `{"error":{"code":401,"message":"Request had invalid credentials.","status":"UNAUTHENTICATED"}}`)(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), hello.Text) {
			t.Error("the second try is not whole")
		}
		answer(200, taken)(w, r)
	})
	_, err := newClient(t, s.config()).Send(t.Context(), hello)
	require.NoError(t, err)
	require.EqualValues(t, 2, s.tokens.Load())
}

// What the network does decides too: nothing may be sent twice, and nothing that
// surely was not sent may be left in doubt.
func TestSendNetwork(t *testing.T) {
	t.Parallel()
	hijack := func(then func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				then(conn)
			}
		}
	}
	says := func(text string) http.HandlerFunc {
		return hijack(func(c net.Conn) { _, _ = io.WriteString(c, text); _ = c.Close() })
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	tests := []struct {
		name    string
		api     http.HandlerFunc
		change  func(*testing.T, *sinch.Config)
		timeout time.Duration
		doubt   sms.Doubt
		code    string
	}{
		{name: "reset after the write", api: hijack(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() }), doubt: sms.Ambiguous, code: "connection reset"},
		{name: "hung up after the write", api: hijack(func(c net.Conn) { _ = c.Close() }), doubt: sms.Ambiguous, code: "connection reset"},
		{name: "no answer", api: hang, timeout: 3 * time.Second, doubt: sms.Ambiguous, code: "timeout"},
		{name: "half an answer", api: says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message_id\":"), doubt: sms.Ambiguous, code: "connection reset"},
		{name: "half an answer, then silence", timeout: 3 * time.Second, doubt: sms.Ambiguous, code: "timeout", api: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"message_id":`)
			w.(http.Flusher).Flush()
			hang(w, r)
		}},
		{name: "half a refusal", api: says("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n{\"error\":"), doubt: sms.Denied, code: "PERMISSION_DENIED"},
		{name: "not HTTP", api: says("+15559876543\r\n\r\n"), doubt: sms.Ambiguous, code: "network"},
		{name: "nobody listens", change: func(t *testing.T, c *sinch.Config) { c.APIURL = "http://" + closedPort(t) }, doubt: sms.NotTaken, code: "connection refused"},
		{name: "certificate of a stranger", change: func(t *testing.T, c *sinch.Config) { c.APIURL = tlsServer(t) }, doubt: sms.NotTaken, code: "bad certificate"},
		{name: "no TLS there", change: func(_ *testing.T, c *sinch.Config) { c.APIURL = strings.Replace(c.APIURL, "http", "https", 1) }, doubt: sms.NotTaken, code: "no TLS"},
		{name: "TLS that never begins", change: func(t *testing.T, c *sinch.Config) { c.APIURL = "https://" + silentPort(t) }, timeout: 50 * time.Millisecond, doubt: sms.NotTaken, code: "timeout"},

		{name: "nobody gives tokens", change: func(t *testing.T, c *sinch.Config) { c.AuthURL = "http://" + closedPort(t) }, doubt: sms.NotTaken, code: "connection refused"},
		{name: "the token never comes", change: func(t *testing.T, c *sinch.Config) { c.AuthURL = "http://" + silentPort(t) }, timeout: 50 * time.Millisecond, doubt: sms.NotTaken, code: "timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sends atomic.Int32
			s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
				sends.Add(1)
				tt.api(w, r)
			})
			config := s.config()
			if tt.change != nil {
				tt.change(t, &config)
			}
			if tt.timeout > 0 {
				config.RequestTimeout = tt.timeout
			}
			_, err := newClient(t, config).Send(t.Context(), hello)

			failure := sendError(t, err)
			require.Equal(t, tt.doubt, failure.Doubt)
			require.Equal(t, tt.code, failure.Code)
			if tt.api != nil {
				require.EqualValues(t, 1, sends.Load(), "no replay")
			}
		})
	}
}

// Half of a request is no message, however the connection ended.
func TestSendCutShort(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 1000))
			_ = conn.Close()
		}
	}()
	s := newServer(t, 3599, answer(200, taken))
	config := s.config()
	config.APIURL = "http://" + l.Addr().String()
	long := hello
	long.Text = strings.Repeat("x", 4<<20) // more than the buffers of both sides hold

	_, err = newClient(t, config).Send(t.Context(), long)
	require.Equal(t, sms.NotTaken, sendError(t, err).Doubt)
	require.Equal(t, "connection reset", sendError(t, err).Code)
}

// On a connection that served before, net/http is tempted to try again.
func TestSendIsNotReplayedOnAUsedConnection(t *testing.T) {
	t.Parallel()
	var sends atomic.Int32
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if sends.Add(1) == 1 {
			answer(200, taken)(w, r)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	client := newClient(t, s.config())
	_, err := client.Send(t.Context(), hello)
	require.NoError(t, err)
	_, err = client.Send(t.Context(), hello)
	require.Equal(t, sms.Ambiguous, sendError(t, err).Doubt)
	require.EqualValues(t, 2, sends.Load())
}

func TestSendCancelled(t *testing.T) {
	t.Parallel()
	t.Run("before the write", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, 3599, answer(200, taken))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, s.config()).Send(ctx, hello)
		require.Equal(t, sms.NotTaken, sendError(t, err).Doubt)
		require.Equal(t, "cancelled", sendError(t, err).Code)
	})
	t.Run("after the write", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := newServer(t, 3599, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := newClient(t, s.config()).Send(ctx, hello)
		require.Equal(t, sms.Ambiguous, sendError(t, err).Doubt)
		require.Equal(t, "cancelled", sendError(t, err).Code)
	})
}

// A key that is not accepted is for a person to mend; all else passes.
func TestSendWithoutToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		after  string
		body   string
		doubt  sms.Doubt
		code   string
		detail string // a part of it
		wait   time.Duration
	}{
		{name: "unknown key", status: 401, body: `{"error":"invalid_client"}`, doubt: sms.Denied, code: "INVALID_CLIENT", detail: "SINCH_ACCESS_KEY"},
		{name: "bad request", status: 400, body: `{"error":"unsupported_grant_type","error_description":"key-0123456789"}`, doubt: sms.Denied, code: "UNSUPPORTED_GRANT_TYPE", detail: "SINCH_ACCESS_KEY"},
		{name: "no JSON", status: 401, body: "<html>", doubt: sms.Denied, code: "HTTP 401", detail: "SINCH_ACCESS_KEY"},
		{name: "forbidden", status: 403, doubt: sms.Denied, code: "HTTP 403", detail: "SINCH_ACCESS_KEY"},
		{name: "not there", status: 404, doubt: sms.Denied, code: "HTTP 404", detail: "SINCH_AUTH_URL"},
		{name: "redirect", status: 302, doubt: sms.Denied, code: "HTTP 302", detail: "SINCH_AUTH_URL"},
		{name: "busy", status: 429, after: "3", doubt: sms.NotTaken, code: "HTTP 429", detail: "busy", wait: 3 * time.Second},
		{name: "failing", status: 503, body: `{"error":"server_error"}`, doubt: sms.NotTaken, code: "SERVER_ERROR", detail: "failing"},
		{name: "no token in it", status: 200, body: `{"token_type":"bearer"}`, doubt: sms.NotTaken, code: "no token", detail: "SINCH_AUTH_URL"},
		{name: "unreadable", status: 200, body: `{"access_token":"token-`, doubt: sms.NotTaken, code: "no token", detail: "SINCH_AUTH_URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.after != "" {
					w.Header().Set("Retry-After", tt.after)
				}
				if tt.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				answer(tt.status, tt.body)(w, r)
			}))
			t.Cleanup(auth.Close)
			s := newServer(t, 3599, func(http.ResponseWriter, *http.Request) { t.Error("sent without a token") })
			config := s.config()
			config.AuthURL = auth.URL
			_, err := newClient(t, config).Send(t.Context(), hello)

			failure := sendError(t, err)
			require.Equal(t, tt.doubt, failure.Doubt)
			require.Equal(t, tt.code, failure.Code)
			require.Contains(t, failure.Detail, "fetching a token: ")
			require.Contains(t, failure.Detail, tt.detail)
			require.Equal(t, tt.wait, failure.RetryAfter)
		})
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// silentPort takes connections and never says a word.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func tlsServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("talked to a stranger")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// TestRedirectsCarryNothing: whoever Sinch, or who poses as it, sends us to gets
// neither the key, the token, a number nor a text.
func TestRedirectsCarryNothing(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		away := http.RedirectHandler(elsewhere.URL, status)
		s := newServer(t, 3599, away.ServeHTTP)
		client := newClient(t, s.config())
		_, err := client.Send(t.Context(), hello)
		require.ErrorContains(t, err, "redirected, which is not followed")
		_, _, err = client.Messages(t.Context(), sinch.Query{Recipient: hello.To})
		require.ErrorContains(t, err, "redirected, which is not followed")
		_, err = client.CreateWebhook(t.Context(), sinch.Webhook{Target: "https://example.com", Secret: "s3cret"})
		require.ErrorContains(t, err, "redirected, which is not followed")

		auth := httptest.NewServer(away)
		config := s.config()
		config.AuthURL = auth.URL
		_, err = newClient(t, config).Send(t.Context(), hello)
		require.ErrorContains(t, err, "check SINCH_AUTH_URL")
		auth.Close()
	}
}
