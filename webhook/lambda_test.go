package main

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
)

// faulty are conversations that panic.
type faulty struct{ *fake }

func (faulty) Tell(context.Context, sms.Number, sms.Sender, wire.Envelope) error {
	panic("a fault of ours")
}

func eventFor(path string, r *http.Request, body string) *events.LambdaFunctionURLRequest {
	event := &events.LambdaFunctionURLRequest{RawPath: path, Body: body, Headers: map[string]string{}}
	event.RequestContext.HTTP.Method = r.Method
	for name := range r.Header {
		event.Headers[name] = r.Header.Get(name)
	}
	return event
}

// TestFunctionURL: what the tests with the program itself cannot bring about.
func TestFunctionURL(t *testing.T) {
	t.Parallel()
	body := text("15559876543", "")
	request := signed(body, secret, signedAt)
	h := callbacks(&fake{})
	h.Conversations = faulty{}
	answer := functionURL(h.Handler())

	for range 2 {
		got, err := answer(t.Context(), eventFor("/webhooks/sinch", request, string(body)))
		require.NoError(t, err, "a panic is no end")
		require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
		require.JSONEq(t, `{"result":"unavailable","reason":"a fault of ours"}`, got.Body)
		require.Equal(t, "5", got.Headers["Retry-After"])
	}

	got, err := answer(t.Context(), eventFor("/%zz", request, ""))
	require.NoError(t, err, "a path that is none is no error of the function")
	require.Equal(t, http.StatusBadRequest, got.StatusCode)

	var tried events.LambdaFunctionURLRequest // by the button in the console
	require.NoError(t, json.Unmarshal([]byte(`{"key1":"value1"}`), &tried))
	got, err = answer(t.Context(), &tried)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, got.StatusCode)
}
