package sinch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// The largest answer that is read: a page of a thousand long messages is less.
const longestAnswer = 16 << 20

// call makes one call and returns the whole answer, which is 2xx. A 401 is tried
// once more with a fresh token, since that is how an early end of a token shows;
// nothing else is repeated here. private is what the request holds and an error
// must not repeat.
func (c *Client) call(ctx context.Context, method, path string, payload any, private ...string) ([]byte, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	var body []byte
	if payload != nil {
		var err error
		if body, err = json.Marshal(payload); err != nil {
			return nil, &Error{Code: "unwritable request", refused: true}
		}
	}
	rejected := ""
	for {
		token, failure := c.tokens.get(ctx, rejected)
		if failure != nil {
			return nil, failure
		}
		answer, failure := c.attempt(ctx, method, path, body, token, private)
		if failure == nil || failure.Status != http.StatusUnauthorized || rejected != "" {
			return answer, failure
		}
		rejected = token
	}
}

func (c *Client) attempt(ctx context.Context, method, path string, body []byte, token string, private []string) ([]byte, *Error) {
	var w wire
	ctx = httptrace.WithClientTrace(ctx, w.trace())
	request, err := http.NewRequestWithContext(ctx, method, c.projectURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Code: "unwritable request", Detail: "check SINCH_API_URL", refused: true}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}

	response, err := c.http.Do(request)
	if err != nil {
		return nil, networkError(err, c.host, w.reached())
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer+1))
	if response.StatusCode/100 != 2 {
		// What was read of the body is enough: the status alone decides.
		return nil, answerError(response.StatusCode, response.Header, answer, append(private, token)...)
	}
	if err == nil && len(answer) > longestAnswer {
		err = errors.New("answer too long")
	}
	if err != nil {
		return nil, networkError(err, c.host, true)
	}
	return answer, nil
}

// wire watches how far a request got. The transport calls it from goroutines of
// its own.
type wire struct{ state atomic.Int32 }

const (
	unconnected int32 = iota
	writing           // has a connection; a part of the request may have left
	broken            // the connection took less than the whole request
)

func (w *wire) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		// Again for the new connection, when the first turns out to be dead before a byte was written.
		GetConn: func(string) { w.state.Store(unconnected) },
		GotConn: func(httptrace.GotConnInfo) { w.state.Store(writing) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				w.state.Store(broken)
			}
		},
	}
}

// reached reports whether Sinch may have got the request. It may not if there
// was no connection, or if that did not take all of the request: half of a JSON
// body is no message.
func (w *wire) reached() bool { return w.state.Load() == writing }
