package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A Hook is a service of the user's own that Parley posts JSON to. The zero
// Hook is none.
type Hook struct {
	URL    string
	Secret string       // signs each request as standardwebhooks.com says; empty: unsigned
	Client *http.Client // nil: a client that follows no redirects
}

// maxAnswer bounds what a hook may answer.
const maxAnswer = 64 << 10

// Post sends body as JSON, with id as its idempotency key, and returns the
// status and the body of the answer. Its errors never hold the URL, which may
// carry a token.
func (h Hook) Post(ctx context.Context, id string, body any) (int, []byte, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return 0, nil, fmt.Errorf("encoding the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, errors.New("its URL is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", id)
	if h.Secret != "" {
		if err := sign(request.Header, h.Secret, id, payload); err != nil {
			return 0, nil, err
		}
	}
	response, err := h.client().Do(request)
	if err != nil {
		return 0, nil, reason(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, reason(err)
	case len(answer) > maxAnswer:
		return 0, nil, fmt.Errorf("its answer is larger than %d bytes", maxAnswer)
	}
	return response.StatusCode, answer, nil
}

func (h Hook) client() *http.Client {
	if h.Client != nil {
		return h.Client
	}
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func sign(header http.Header, secret, id string, payload []byte) error {
	hook, err := standardwebhooks.NewWebhookRaw([]byte(secret))
	if err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	now := time.Now()
	signature, err := hook.Sign(id, now, payload)
	if err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("Webhook-Signature", signature)
	return nil
}

// reason strips the URL from a network error.
func reason(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return errors.New("it did not answer in time")
	}
	return err
}
