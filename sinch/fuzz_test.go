package sinch_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sms"
)

// FuzzVerify: nobody who lacks the secret signs rightly, and what is rightly
// signed is at most too old.
func FuzzVerify(f *testing.F) {
	body, err := os.ReadFile(filepath.Join("testdata", "callbacks", "composed", "inbound-text-conversation.json"))
	require.NoError(f, err)
	f.Add("6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE=", "1634579353", "01FJA8B4A7BM43YGWSG9GBV067", "HmacSHA256", body)
	f.Add("", "", "", "", []byte{})
	f.Add("=", "-1", ".", "none", []byte("."))
	f.Add("x", "99999999999999999999", "\n", "hmacsha256", []byte("{}"))
	f.Fuzz(func(t *testing.T, signature, timestamp, nonce, algorithm string, body []byte) {
		secrets := []string{"first secret", "", "second secret"}
		h := http.Header{}
		h.Set(sinch.HeaderSignature, signature)
		h.Set(sinch.HeaderTimestamp, timestamp)
		h.Set(sinch.HeaderNonce, nonce)
		h.Set(sinch.HeaderAlgorithm, algorithm)
		now := time.Unix(1634579353, 0)
		err := sinch.Verify(h, body, secrets, now, time.Hour)
		require.True(t, errors.Is(err, sinch.ErrUnsigned) || errors.Is(err, sinch.ErrBadSignature), "%v", err)

		h.Set(sinch.HeaderSignature, sinch.Sign("", body, nonce, timestamp))
		err = sinch.Verify(h, body, secrets, now, time.Hour)
		require.True(t, errors.Is(err, sinch.ErrUnsigned) || errors.Is(err, sinch.ErrBadSignature), "%v", err)

		h.Set(sinch.HeaderSignature, sinch.Sign("second secret", body, nonce, timestamp))
		err = sinch.Verify(h, body, secrets, now, time.Hour)
		require.NotErrorIs(t, err, sinch.ErrBadSignature)
	})
}

// FuzzAnswers gives every call the same answer, whatever it is.
func FuzzAnswers(f *testing.F) {
	const grpc = `{"error":{"code":5,"status":"NOT_FOUND","message":"no +15559876543 for The code is on the fridge","details":[{}]}}`
	f.Add(200, "", []byte(`{"message_id":"01EQBC1A3BEK731GY4YXEN0C2R","accepted_time":"2020-03-31T12:58:24Z"}`), false)
	f.Add(200, "", []byte(`{"messages":[{"id":"m","direction":"TO_CONTACT","metadata":"key # ACME","app_message":{"text_message":{"text":"The code is on the fridge"}},"channel_identity":{"channel":"SMS","identity":"15559876543"},"accept_time":"2020-03-31T12:58:24Z"},{"id":"n","direction":"TO_APP","contact_message":{"text_message":{"text":"Hi"}},"channel_identity":{"identity":"15559876543"}}],"next_page_token":"more"}`), false)
	f.Add(200, "", []byte(`{"id":"a","processing_mode":"DISPATCH","dispatch_retention_policy":{"ttl_days":30},"channel_credentials":[{"channel":"SMS","state":{"status":"ACTIVE","description":"of 15559876543"}}]}`), false)
	f.Add(200, "", []byte(`{"webhooks":[{"id":"w","target":"https://example.com","triggers":["MESSAGE_INBOUND"],"secret":"s"}]}`), false)
	f.Add(404, "", []byte(grpc), false)
	f.Add(429, "7", []byte(`{"error":"TOO_MANY","message":"slow down"}`), false)
	f.Add(503, "Fri, 31 Dec 9999 23:59:59 GMT", []byte("<html>"), false)
	f.Add(400, "-9223372036854775808", []byte(`{"error":{"status":5,"message":{}}}`), false)
	f.Add(200, "", []byte(`{"access_token":"token-1","token_type":"bearer","expires_in":3599}`), true)
	f.Add(200, "", []byte(`{"access_token":"token-1","expires_in":"-1e999"}`), true)
	f.Add(401, "1", []byte(`{"error":"invalid_client","error_description":"15559876543"}`), true)
	f.Fuzz(func(t *testing.T, status int, retryAfter string, body []byte, token bool) {
		status = 200 + int(uint(status-200)%400) // those above stay what they are
		answers := func(status int, body []byte) *http.Response {
			return &http.Response{
				StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {retryAfter}}, Body: io.NopCloser(bytes.NewReader(body)),
			}
		}
		client, err := sinch.NewClient(sinch.Config{
			ProjectID: "p", AppID: "a", AccessKey: "key", AccessKeySecret: "key-secret", Sender: "+12065550100",
			Transport: func(http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					if strings.Contains(r.URL.Path, "oauth2") != token {
						return answers(http.StatusOK, []byte(`{"access_token":"token-0","token_type":"bearer","expires_in":3599}`)), nil
					}
					return answers(status, body), nil
				})
			},
		})
		require.NoError(t, err)
		// What the request held, the answer may repeat, and the error must not.
		check := func(err error, told ...string) {
			if err == nil {
				return
			}
			for _, private := range append(told, "5559876543", "key-secret") {
				require.NotContains(t, err.Error(), private)
			}
			require.Less(t, len(err.Error()), 1000)
		}
		accepted, err := client.Send(t.Context(), hello)
		check(err, hello.Text)
		require.Equal(t, err == nil, accepted.MessageID != "")
		if err != nil {
			failure := sendError(t, err)
			require.GreaterOrEqual(t, failure.RetryAfter, time.Duration(0))
			require.LessOrEqual(t, failure.RetryAfter, 24*time.Hour)
		}
		_, _, err = client.Messages(t.Context(), sinch.Query{Recipient: hello.To})
		check(err)
		_, err = client.App(t.Context())
		check(err)
		_, err = client.ListWebhooks(t.Context())
		check(err)
		_, err = client.Find(t.Context(), sms.Search{To: hello.To, Text: hello.Text, Keys: []string{hello.Key}})
		check(err)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
