package sinch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/sms"
)

// Config says whose app texts are sent through.
type Config struct {
	Region          string // us, eu or br; empty means us. An app exists in one region only
	ProjectID       string
	AppID           string
	AccessKey       string
	AccessKeySecret string

	// Keys tells the access key and its secret instead of the two above, each time a
	// token is fetched, for a key that may be replaced while the client lives. renew
	// asks for a newer one, since Sinch refused a token. Its error holds no secret.
	Keys func(ctx context.Context, renew bool) (id, secret string, err error)

	APIURL  string // instead of the region's host: the simulator, a test
	AuthURL string // instead of auth.sinch.com; with or without the path /oauth2/token

	Transport func(http.RoundTripper) http.RoundTripper // put around the client's own, to watch requests; nil: nothing

	Sender         sms.Sender    // the default sender; empty leaves it to the app's own default
	RequestTimeout time.Duration // for a whole call: token, connection, second try and answer; 0 means 20 s
}

// String leaves out the secret, so that a Config may be printed.
func (c Config) String() string {
	return fmt.Sprintf("region %q, project %q, app %q, sender %q", c.Region, c.ProjectID, c.AppID, c.Sender)
}

// GoString is String: %#v would show the secret otherwise.
func (c Config) GoString() string { return c.String() }

// Client calls Sinch's Conversation API for one app. It may be used by several
// goroutines at once. Its requests are never logged, and its errors hold neither
// numbers nor texts nor secrets.
type Client struct {
	projectURL string // of the API, up to the project
	host       string // of the API, for errors
	appID      string
	sender     sms.Sender
	timeout    time.Duration
	tokens     *tokens
	http       *http.Client
}

const (
	connectTimeout        = 5 * time.Second
	defaultRequestTimeout = 20 * time.Second
	// A connection that Sinch closes just when we write leaves a send in doubt, so
	// idle ones are given up sooner than any server is likely to do it.
	idleTimeout = 20 * time.Second
)

// NewClient checks the settings, all of them at once, and makes no call.
func NewClient(c Config) (*Client, error) {
	var errs []error
	need := func(value, setting, meaning string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("set %s to %s", setting, meaning))
		}
	}
	need(c.ProjectID, "SINCH_PROJECT_ID", "the project's id in the Sinch dashboard")
	need(c.AppID, "SINCH_APP_ID", "the id of the Conversation API app")
	if c.Keys == nil {
		need(c.AccessKey, "SINCH_ACCESS_KEY", "the id of an access key of the project, or SINCH_ACCESS_KEY_PARAM to the name of its parameter")
		need(c.AccessKeySecret, "SINCH_ACCESS_KEY_SECRET", "the secret of that access key, or SINCH_ACCESS_KEY_SECRET_PARAM to the name of its parameter")
	}

	region := cmp.Or(strings.ToLower(c.Region), "us")
	if region != "us" && region != "eu" && region != "br" {
		errs = append(errs, errors.New("set SINCH_REGION to us, eu or br: where the app was created"))
	}
	api, err := baseURL(cmp.Or(c.APIURL, "https://"+region+".conversation.api.sinch.com"))
	if err != nil {
		errs = append(errs, fmt.Errorf("set SINCH_API_URL to a URL: %w", err))
	}
	auth, err := baseURL(cmp.Or(c.AuthURL, "https://auth.sinch.com"))
	if err != nil {
		errs = append(errs, fmt.Errorf("set SINCH_AUTH_URL to a URL: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configuring Sinch: %w", err)
	}

	var transport http.RoundTripper = newTransport()
	if c.Transport != nil {
		transport = c.Transport(transport)
	}
	client := &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a host we are sent to gets neither token nor text
		},
	}
	return &Client{
		projectURL: api.JoinPath("v1", "projects", url.PathEscape(c.ProjectID)).String(),
		host:       api.Host,
		appID:      c.AppID,
		sender:     c.Sender,
		timeout:    cmp.Or(c.RequestTimeout, defaultRequestTimeout),
		tokens:     newTokens(c, tokenURL(auth), client),
		http:       client,
	}, nil
}

// newTransport speaks HTTP/1.1 on purpose. Its transport sends a POST again by
// itself only when not one byte of it was written; the one for HTTP/2 sometimes
// does so after the write, and then a text would be sent twice.
func newTransport() *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout: connectTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: 16,
		Protocols:           &protocols,
	}
}

func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return nil, errors.New("it must begin with https:// or http:// and name a host, without a password")
	}
	return u, nil
}

func tokenURL(auth *url.URL) string {
	const path = "/oauth2/token"
	if strings.HasSuffix(strings.TrimRight(auth.Path, "/"), path) {
		return auth.String()
	}
	return auth.JoinPath(path).String()
}
