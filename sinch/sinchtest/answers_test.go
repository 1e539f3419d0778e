package sinchtest_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// reply is what came back on a connection, as far as it could be read.
type reply struct {
	*http.Response
	body    string
	err     error // of the body, or of everything
	interim []int
}

// request makes a call of each kind.
func (c *carrier) request(on sinchtest.Operation) *http.Request {
	c.t.Helper()
	method, path, body := http.MethodGet, "", ""
	switch on {
	default:
		path = project + "/messages"
	case sinchtest.OnSend:
		method, path, body = http.MethodPost, project+"/messages:send", string(encoded(c.t, textTo(ana, "Hi", "k1")))
	case sinchtest.OnToken:
		method, path, body = http.MethodPost, "/oauth2/token", "grant_type=client_credentials"
	case sinchtest.OnApp:
		path = project + "/apps/" + sinchtest.DefaultAppID
	case sinchtest.OnWebhooks:
		path = project + "/apps/" + sinchtest.DefaultAppID + "/webhooks"
	case sinchtest.OnContacts:
		path = project + "/contacts"
	case sinchtest.OnConversations:
		path = project + "/conversations?app_id=" + sinchtest.DefaultAppID
	case sinchtest.OnDelete:
		method, path = http.MethodDelete, project+"/messages/unknown"
	}
	request, err := http.NewRequestWithContext(within(c.t), method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	if on == sinchtest.OnToken {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth("key", "secret")
	}
	return request
}

// ask makes a call on a connection of its own, and follows no redirect.
func (c *carrier) ask(on sinchtest.Operation) (got reply) {
	c.t.Helper()
	request := c.request(on)
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		got.interim = append(got.interim, code)
		return nil
	}}
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if got.err = err; err != nil {
		return got
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	got.Response, got.body, got.err = response, string(body), err
	return got
}

var calls = []sinchtest.Operation{
	sinchtest.OnSend, sinchtest.OnList, sinchtest.OnToken, sinchtest.OnApp, sinchtest.OnWebhooks, sinchtest.OnContacts,
	sinchtest.OnConversations, sinchtest.OnDelete,
}

// TestAnswersGoWrong: each call can be answered in each wrong way, once by Next
// and always by a rate of 1, and only a send that was refused is not taken.
func TestAnswersGoWrong(t *testing.T) {
	t.Parallel()
	right := func(got reply) bool { return got.err == nil && json.Valid([]byte(got.body)) }
	for fault, tt := range map[string]struct {
		refused bool
		is      func(reply) bool
	}{
		sinchtest.FaultError:       {true, func(got reply) bool { return right(got) && got.StatusCode == 503 }},
		sinchtest.FaultSlow:        {false, right},
		sinchtest.FaultResetBefore: {true, func(got reply) bool { return errors.Is(got.err, syscall.ECONNRESET) }},
		sinchtest.FaultCloseBefore: {true, func(got reply) bool { return errors.Is(got.err, io.EOF) }},
		sinchtest.FaultRedirect: {true, func(got reply) bool {
			return got.err == nil && got.StatusCode == 302 && strings.HasSuffix(got.Header.Get("Location"), "/elsewhere")
		}},
		sinchtest.FaultResetAfter: {false, func(got reply) bool { return errors.Is(got.err, syscall.ECONNRESET) }},
		sinchtest.FaultClose:      {false, func(got reply) bool { return errors.Is(got.err, io.EOF) }},
		sinchtest.FaultTrickle:    {false, right},
		sinchtest.FaultBrokenJSON: {false, func(got reply) bool {
			return got.err == nil && got.body != "" && !json.Valid([]byte(got.body))
		}},
		sinchtest.FaultCut: {false, func(got reply) bool {
			return errors.Is(got.err, io.ErrUnexpectedEOF) && got.body != "" && int64(len(got.body)) < got.ContentLength
		}},
		sinchtest.FaultGarbage: {false, func(got reply) bool {
			return got.err != nil && strings.Contains(got.err.Error(), "malformed HTTP response")
		}},
		sinchtest.FaultGarbageHeader: {false, func(got reply) bool {
			return got.err != nil && strings.Contains(got.err.Error(), "malformed HTTP status code")
		}},
		sinchtest.FaultHTTP10: {false, func(got reply) bool {
			return right(got) && got.ProtoMinor == 0 && got.ContentLength == -1 && got.Close
		}},
		sinchtest.FaultInterim: {false, func(got reply) bool { return right(got) && len(got.interim) == 2 }},
		sinchtest.FaultRevoke:  {true, func(got reply) bool { return right(got) && got.StatusCode == 401 }},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			for _, on := range calls {
				if fault == sinchtest.FaultRevoke && on == sinchtest.OnToken {
					continue // whoever asks for a token has none that could end
				}
				c := start(t, sinchtest.Options{})
				c.Next(sinchtest.OneShot{Fault: fault, On: on, For: sinchtest.Duration(time.Millisecond)})
				got := c.ask(on)
				require.True(t, tt.is(got), "%s: %v %+v", on, got.err, got)
				require.Empty(t, c.Faults().Next)
				c.refresh()
				require.True(t, right(c.ask(on)), "used up")
				if on == sinchtest.OnSend {
					require.Equal(t, tt.refused, len(c.Sent()) == 1)
					require.Equal(t, tt.refused, c.Attempts()[0].MessageID == "")
				}

				c.SetFaults(sinchtest.Faults{
					Answers: map[sinchtest.Operation]map[string]float64{on: {fault: 1}},
					SlowFor: sinchtest.Duration(time.Millisecond), TrickleFor: sinchtest.Duration(time.Millisecond),
				})
				got = c.ask(on)
				require.True(t, tt.is(got), "%s: %v %+v", on, got.err, got)
			}
		})
	}
}

// TestAnswersOfSends: what can go wrong with the answer to a send only.
func TestAnswersOfSends(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{})
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultNoID})
	got := c.ask(sinchtest.OnSend)
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.NotContains(t, got.body, "message_id")
	c.quiet()
	require.Len(t, c.Sent(), 1)
	require.Len(t, h.all(), 3)
	require.Equal(t, c.Sent()[0].ID, c.Attempts()[0].MessageID)
	c.wait(func() bool { return c.Attempts()[0].Status == http.StatusOK })
}

// TestAnswersAreCounted: the books tell an answer that could be read from one
// that could not.
func TestAnswersAreCounted(t *testing.T) {
	t.Parallel()
	for fault, status := range map[string]int{
		sinchtest.FaultHTTP10: 200, sinchtest.FaultInterim: 200, sinchtest.FaultCut: 200, sinchtest.FaultRedirect: 302,
		sinchtest.FaultGarbage: -1, sinchtest.FaultGarbageHeader: -1, sinchtest.FaultClose: -1, sinchtest.FaultCloseBefore: -1,
	} {
		c := start(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: fault})
		c.ask(sinchtest.OnSend)
		c.wait(func() bool { return c.Attempts()[0].Status != 0 })
		require.Equal(t, status, c.Attempts()[0].Status, fault)
		name := "send reset"
		if status > 0 {
			name = "send " + strconv.Itoa(status)
		}
		c.wait(func() bool { return c.Stats().Answers[name] == 1 })
	}
}

// TestTrickle: the header comes at once, and the body so slowly that a client
// with less time than that gets none of it.
func TestTrickle(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultTrickle, For: sinchtest.Duration(24 * time.Hour)})
	response, err := http.DefaultClient.Do(c.request(sinchtest.OnSend))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Positive(t, response.ContentLength)
	require.NoError(t, response.Body.Close())
	c.wait(func() bool { return c.Attempts()[0].Status == http.StatusOK })
}

// TestRawAnswers is about what no HTTP client shows.
func TestRawAnswers(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		sinchtest.FaultHTTP10:  "HTTP/1.0 200 OK\r\n",
		sinchtest.FaultInterim: "HTTP/1.1 102 Processing\r\n",
		sinchtest.FaultGarbage: "\x16\x03",
	} {
		c := start(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: fault, On: sinchtest.OnApp})
		conn, err := new(net.Dialer).DialContext(within(t), "tcp", strings.TrimPrefix(c.url, "http://"))
		require.NoError(t, err)
		request := c.request(sinchtest.OnApp)
		request.Close = true
		require.NoError(t, request.Write(conn))
		raw, err := io.ReadAll(bufio.NewReader(conn))
		require.NoError(t, err, "it ends with a FIN")
		require.NoError(t, conn.Close())
		require.True(t, strings.HasPrefix(string(raw), want), "%q", raw)
	}
}

// TestRedirectIsNotToBeFollowed: whoever does is counted.
func TestRedirectIsNotToBeFollowed(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultRedirect, Status: http.StatusTemporaryRedirect})
	got := c.ask(sinchtest.OnSend)
	require.Equal(t, http.StatusTemporaryRedirect, got.StatusCode)
	require.NotContains(t, got.Header.Get("Location"), c.url, "another host")
	require.Zero(t, c.Stats().Redirected)

	request, err := http.NewRequestWithContext(within(t), http.MethodPost, got.Header.Get("Location"), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 1, c.Stats().Redirected)
}

func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	after := sinchtest.Duration(90 * time.Second)
	c := start(t, sinchtest.Options{Now: func() time.Time { return now }})
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429, RetryAfter: after, RetryAfterDate: true})
	require.Equal(t, "Sat, 21 Nov 2026 09:01:30 GMT", c.ask(sinchtest.OnSend).Header.Get("Retry-After"))
	c.SetFaults(sinchtest.Faults{TokenErrors: map[int]float64{503: 1}, RetryAfter: after, RetryAfterDate: true})
	require.Equal(t, "Sat, 21 Nov 2026 09:01:30 GMT", c.ask(sinchtest.OnToken).Header.Get("Retry-After"))
}

func TestExpiresIn(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	for says, want := range map[sinchtest.ExpiresIn]any{
		"": 3599.0, sinchtest.ExpiresInZero: 0.0, sinchtest.ExpiresInNegative: -3599.0,
		sinchtest.ExpiresInMissing: nil, sinchtest.ExpiresInString: "3599",
	} {
		c.SetFaults(sinchtest.Faults{ExpiresIn: says})
		var answer map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.ask(sinchtest.OnToken).body), &answer))
		require.Equal(t, want, answer["expires_in"], says)
	}
}

// TestRevoke: all tokens end, not only that of the call.
func TestRevoke(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	first := c.token
	c.refresh()
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultRevoke, On: sinchtest.OnApp})
	require.Equal(t, http.StatusUnauthorized, c.ask(sinchtest.OnApp).StatusCode)
	for _, c.token = range []string{first, c.token} {
		got := c.ask(sinchtest.OnSend)
		require.Equal(t, http.StatusUnauthorized, got.StatusCode)
		require.Contains(t, got.Header.Get("WWW-Authenticate"), "expired")
	}
	require.Empty(t, c.Sent())

	c.refresh()
	c.SetFaults(sinchtest.Faults{RevokeTokens: 1})
	require.Equal(t, http.StatusUnauthorized, c.ask(sinchtest.OnList).StatusCode)
}

// TestFaultsThatThereAreNot: a name on the wrong call is a mistake.
func TestFaultsThatThereAreNot(t *testing.T) {
	t.Parallel()
	for faults, says := range map[string]string{
		`{"answers":{"list":{"no_id":1}}}`:                            `"no_id"`,
		`{"answers":{"send":{"reverse":1}}}`:                          `"reverse"`,
		`{"answers":{"callback":{"duplicate":1}}}`:                    `"duplicate"`,
		`{"answers":{"calls":{"slow":1}}}`:                            `"calls"`,
		`{"answers":{"send":{"slow":2}}}`:                             "answers.send.slow",
		`{"next":[{"fault":"revoke","on":"token"}]}`:                  `"revoke"`,
		`{"next":[{"fault":"trickle","on":"callback"}]}`:              `"trickle"`,
		`{"next":[{"fault":"error","status":200}]}`:                   "between 400 and 599",
		`{"next":[{"fault":"redirect","status":503}]}`:                "between 300 and 399",
		`{"next":[{"fault":"error","times":-1}]}`:                     "times",
		`{"next":[{"fault":"slow","on":"list","to":"+15559876543"}]}`: "not for",
		`{"expires_in":"soon"}`:                                       "expires_in",
		`{"revoke_tokens":-1}`:                                        "revoke_tokens",
		`{"trickle_for":"-1s"}`:                                       "negative",
	} {
		_, err := sinchtest.ParseFaults(faults)
		require.ErrorContains(t, err, says, faults)
	}
	_, err := sinchtest.ParseFaults(`{"answers":{"send":{"trickle":0.02},"list":{"broken_json":0.05},"token":{"slow":0.1}},"trickle_for":"6s"}`)
	require.NoError(t, err)
}
