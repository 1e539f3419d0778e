package activities

import (
	"bytes"
	"context"
	"crypto/rand"
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
	"go.opentelemetry.io/otel/propagation"
)

// A Hook is a service of the user's own that Parley posts JSON to, or asks for
// it. The zero Hook is none.
type Hook struct {
	URL    string
	Secret string       // signs each request as standardwebhooks.com says; empty: unsigned
	Client *http.Client // nil: one that goes nowhere else: whoever stands behind a redirect gets no text
}

// longestAsk bounds each request, whatever its caller allows.
const longestAsk = 2 * time.Minute

// What a hook may answer, to a request to do something and to a question.
const (
	maxAnswer = 64 << 10
	maxTold   = 4 << 20
)

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
	return h.do(request, id, payload, maxAnswer)
}

// Tell posts what wants no answer but a 2xx. Its errors name the setting that
// the hook comes from.
func (h Hook) Tell(ctx context.Context, setting, id string, body any) error {
	status, _, err := h.Post(ctx, id, body)
	switch {
	case err != nil:
		return fmt.Errorf("posting to %s: %w", setting, err)
	case status < 200 || status > 299:
		return fmt.Errorf("posting to %s: %s", setting, Answered(status))
	}
	return nil
}

// Answered says what a hook answered that is of no use.
func Answered(status int) string {
	words := fmt.Sprintf("it answered HTTP %d", status)
	if status/100 == 3 {
		words += ", a redirect, which is not followed: set the URL to the service itself"
	}
	return words
}

// Get asks with a query, which is added to the one of the URL, and returns the
// status and the body of the answer. There is no body to sign, so the whole
// query is signed in its place. Errors are as of Post.
func (h Hook) Get(ctx context.Context, query url.Values) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return 0, nil, errors.New("its URL is not valid")
	}
	if request.URL.RawQuery != "" {
		request.URL.RawQuery += "&"
	}
	request.URL.RawQuery += query.Encode()
	request.Header.Set("Accept", "application/json")
	return h.do(request, rand.Text(), []byte(request.URL.RawQuery), maxTold)
}

// do signs payload, and reads an answer of at most so many bytes.
func (h Hook) do(request *http.Request, id string, payload []byte, most int) (int, []byte, error) {
	if h.Secret != "" {
		if err := sign(request.Header, h.Secret, id, payload); err != nil {
			return 0, nil, err
		}
	}
	ctx, cancel := context.WithTimeout(request.Context(), longestAsk)
	defer cancel()
	request = request.WithContext(ctx)
	// Only the ids of the trace travel, for a service that keeps traces too.
	propagation.TraceContext{}.Inject(request.Context(), propagation.HeaderCarrier(request.Header))
	response, err := h.client().Do(request) //nolint:gosec // the URL is a setting, nobody else can choose it
	if err != nil {
		return 0, nil, reason(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	switch {
	case err != nil:
		return 0, nil, reason(err)
	case len(answer) > most:
		return 0, nil, fmt.Errorf("its answer is larger than %d bytes", most)
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
