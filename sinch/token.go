package sinch

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// A token is renewed so long before it expires, lest it does on its way.
const tokenMargin = time.Minute

// tokens keeps one access token for all calls.
type tokens struct {
	keys  func(ctx context.Context, renew bool) (id, secret string, err error)
	fixed bool // the key cannot be replaced
	url   string
	http  *http.Client
	turn  chan struct{} // held by who reads or renews; a mutex would not heed a context
	token *oauth2.Token
	good  accessKey // the last that Sinch accepted
}

// An accessKey is what a token is had for.
type accessKey struct{ id, secret string }

func newTokens(c Config, tokenURL string, client *http.Client) *tokens {
	t := &tokens{keys: c.Keys, url: tokenURL, http: client, turn: make(chan struct{}, 1)}
	if t.keys == nil {
		t.fixed = true
		t.keys = func(context.Context, bool) (string, string, error) { return c.AccessKey, c.AccessKeySecret, nil }
	}
	return t
}

// get returns a token other than the rejected one, the kept one if it serves. So
// of many calls that met the same 401, one fetches the new token for all.
func (t *tokens) get(ctx context.Context, rejected string) (string, *Error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", tokenError(ctx.Err())
	}
	if t.token != nil && t.token.AccessToken != rejected &&
		(t.token.Expiry.IsZero() || time.Until(t.token.Expiry) > tokenMargin) {
		return t.token.AccessToken, nil
	}
	failure := t.renew(ctx, rejected != "")
	if failure != nil {
		return "", failure
	}
	return t.token.AccessToken, nil
}

// renew fetches a token. Where a key is refused a newer one is looked for, and
// after that the last good one serves: of a key that is being replaced, the id may
// be the new one while the secret is still the old one.
func (t *tokens) renew(ctx context.Context, doubtful bool) *Error {
	key, failure := t.key(ctx, doubtful && !t.fixed)
	if failure != nil && doubtful { // no newer one can be had: it may be the token alone that is refused
		key, failure = t.key(ctx, false)
	}
	if failure != nil {
		return failure
	}
	failure = t.fetch(ctx, key)
	if failure == nil || !failure.refused || t.fixed {
		return failure
	}
	if newer, err := t.key(ctx, true); err == nil && newer != key {
		key = newer
		if failure = t.fetch(ctx, key); failure == nil || !failure.refused {
			return failure
		}
	}
	if t.good != (accessKey{}) && t.good != key {
		return t.fetch(ctx, t.good)
	}
	return failure
}

func (t *tokens) key(ctx context.Context, renew bool) (accessKey, *Error) {
	id, secret, err := t.keys(ctx, renew)
	if err != nil {
		return accessKey{}, &Error{Code: "no access key", Detail: sentence("fetching a token", err.Error()), token: true}
	}
	return accessKey{id, secret}, nil
}

func (t *tokens) fetch(ctx context.Context, key accessKey) *Error {
	config := clientcredentials.Config{
		ClientID:     key.id,
		ClientSecret: key.secret,
		TokenURL:     t.url,
		AuthStyle:    oauth2.AuthStyleInHeader,
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return tokenError(err)
	}
	t.token, t.good = token, key
	return nil
}

// tokenError tells a key that Sinch does not accept from a fault that passes.
func tokenError(err error) *Error {
	const step = "fetching a token"
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		code, detail := networkReason(err)
		if code == unnamed {
			// Not the error's own text: oauth2 quotes what it cannot read, and that may hold a token.
			code, detail = "no token", "the answer of the token endpoint cannot be read; check SINCH_AUTH_URL"
		}
		return &Error{Code: code, Detail: sentence(step, detail)}
	}
	status := answer.Response.StatusCode
	e := &Error{
		Status:     status,
		Code:       cmp.Or(strings.ToUpper(word(answer.ErrorCode)), httpCode(status)),
		RetryAfter: retryAfter(answer.Response.Header, time.Now()),
		token:      true,
	}
	switch {
	case transient(status):
		e.Detail = sentence(step, "the token endpoint is busy or failing")
	case status == http.StatusNotFound, status/100 == 3:
		e.refused, e.Detail = true, sentence(step, "the token endpoint is not there; check SINCH_AUTH_URL")
	default:
		e.refused, e.Detail = true, sentence(step, "Sinch does not accept the access key; check SINCH_ACCESS_KEY, SINCH_ACCESS_KEY_SECRET and that the key is of project SINCH_PROJECT_ID")
	}
	return e
}
