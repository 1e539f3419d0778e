package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"parley/sms"
	"parley/sms/numbers"
)

func callbackBodies(f *testing.F) [][]byte {
	files, err := filepath.Glob("../sinch/testdata/callbacks/*/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	var bodies [][]byte
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		bodies = append(bodies, body)
	}
	return bodies
}

// FuzzRequest: whatever a program sends us, a message that is taken can be sent.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"to":"+15559876543","message":"Hi"}`, `{"to":"1 (555) 987-6543","message":"Hi","from":"12065550101","reference":"order 7","useful_until":"2026-03-04T15:00:00+01:00","in_doubt":"park"}`,
		`{"to":"+15559876543","id":"order-7"}`, `{"to":15559876543}`, `{}`, `[]`, `{"to":"+15559876543","message":"\u0000\ud800👋"}`, `{"to":"+15559876543","message":"Hi"}{}`,
	} {
		f.Add([]byte(body), body)
	}
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		a := api(&fake{})
		contact, sender, send, err := a.read(body)
		if err == nil {
			again, wrong := numbers.Parse(string(contact))
			require.NoError(t, wrong)
			require.Equal(t, contact, again)
			require.Contains(t, []sms.Sender{"", "+12065550101"}, sender)
			require.NotEmpty(t, strings.TrimSpace(send.Text))
			require.LessOrEqual(t, sms.SegmentsOf(send.Text).Count, longestSegments)
			require.LessOrEqual(t, len(send.Reference), longestReference)
		}
		if _, _, id, err := a.readQuestion(body); err == nil {
			require.NotEmpty(t, id)
			require.True(t, isKey(id))
		}
		for _, path := range []string{"/messages", "/messages/status"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
			r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer new-token"}, keyHeader: {key}}
			recorder := httptest.NewRecorder()
			a.Handler().ServeHTTP(recorder, r)
			require.Contains(t, []int{http.StatusAccepted, http.StatusBadRequest, http.StatusNotFound}, recorder.Code)
			r.Header.Set("Authorization", "Bearer "+key)
			if key != "new-token" && key != "old-token" && key != "sender" && key != "reader" {
				require.Nil(t, a.Tokens.shown(r.Header.Get("Authorization")))
			}
		}
	})
}

// FuzzDepth: our quick look at the brackets agrees with a parser.
func FuzzDepth(f *testing.F) {
	for _, body := range callbackBodies(f) {
		f.Add(body)
	}
	for _, body := range []string{nested(deepest), nested(deepest + 2), `"[[["`, `{"\\":"\"["}`, `"\u005b"`, strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40)} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		deep := tooDeep(body)
		if !json.Valid(body) {
			return
		}
		depth, most := 0, 0
		for decoder := json.NewDecoder(bytes.NewReader(body)); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			switch token {
			case json.Delim('{'), json.Delim('['):
				depth++
				most = max(most, depth)
			case json.Delim('}'), json.Delim(']'):
				depth--
			}
		}
		require.Equal(t, most > deepest, deep)
	})
}

// FuzzFunctionURL gives Lambda's handler an event that may hold anything.
func FuzzFunctionURL(f *testing.F) {
	for i, body := range callbackBodies(f) {
		event := events.LambdaFunctionURLRequest{RawPath: "/webhooks/sinch", Headers: map[string]string{"content-type": "application/json"}, Body: string(body)}
		event.RequestContext.HTTP.Method, event.RequestContext.HTTP.SourceIP, event.RequestContext.DomainName = http.MethodPost, "203.0.113.5", "example.com"
		if event.IsBase64Encoded = i%2 == 0; event.IsBase64Encoded {
			event.Body = base64.StdEncoding.EncodeToString(body)
		}
		raw, err := json.Marshal(event)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"rawPath":"%zz","isBase64Encoded":true,"body":"!"}`))
	handler := functionURL(callbacks(&fake{}).Handler())
	f.Fuzz(func(t *testing.T, raw []byte) {
		var event events.LambdaFunctionURLRequest
		if json.Unmarshal(raw, &event) != nil {
			return // Lambda's own library refuses it
		}
		response, err := handler(t.Context(), &event)
		require.NoError(t, err)
		require.NotEqual(t, http.StatusInternalServerError, response.StatusCode)
		require.NotContains(t, response.Body, "fault of ours")
	})
}
