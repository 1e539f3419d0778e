package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"parley/conversation/wire"
	"parley/internal/auth"
	"parley/internal/settings"
	"parley/internal/telemetry/tracing"
	"parley/sms"
	"parley/sms/numbers"
)

// API is the outbound queue for other programs: POST /messages puts a message
// into its conversation, which sends it in order, once, and not to who has
// opted out. POST /messages/status tells what became of it.
type API struct {
	Conversations Conversations
	Tokens        tokens
	App           settings.SinchApp
	Now           func() time.Time
	Log           *slog.Logger
	Traces        tracing.Traces
	Counts        counts
	Proxies       auth.Proxies // whose word about a request's source is believed

	failures *auth.Failures
}

const (
	longestRequest   = 64 << 10
	longestKey       = 200
	longestReference = 200
	longestSegments  = 10
	keyHeader        = "Idempotency-Key"
)

// Handler serves both.
func (a API) Handler() http.Handler {
	a.failures = auth.NewFailures(a.Now, failuresEvery, failuresFirst)
	e := router(a.Log)
	e.POST("/messages", a.take("message", maySend, a.queue))
	e.POST("/messages/status", a.take("status", mayRead, a.status))
	return e
}

// request is the body of POST /messages.
type request struct {
	To        string `json:"to"`
	Message   string `json:"message"`
	From      string `json:"from"`
	Reference string `json:"reference"`

	NotBefore   string       `json:"not_before"`   // RFC 3339; not sent earlier
	UsefulUntil string       `json:"useful_until"` // RFC 3339; not sent later
	InDoubt     wire.InDoubt `json:"in_doubt"`
}

// queued is the body of its answer.
type queued struct {
	Status string `json:"status"`
	ID     string `json:"id"`             // the idempotency key
	Note   string `json:"note,omitempty"` // what the caller may want to do better
}

const noKey = "the request had no " + keyHeader + ", so this one was made up; without one, a repeated request sends the message twice"

// take lets in who shows a token for it, and counts how the request ended.
func (a API) take(name string, needed scope, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, span := a.Traces.Begin(c.Request().Context(), name, c.Request().Header)
		defer span.End()
		c.SetRequest(c.Request().WithContext(ctx))
		err := a.admit(c, needed, next)
		result := refused
		switch c.Response().Status {
		case http.StatusAccepted:
			result = accepted
		case http.StatusOK:
			result = "answered"
		case http.StatusTooManyRequests:
			result = "limited"
		case http.StatusServiceUnavailable:
			result = unavailable
		}
		span.Set("result", result)
		a.Counts.request(ctx, result)
		return err
	}
}

func (a API) admit(c echo.Context, needed scope, next echo.HandlerFunc) error {
	shown := a.Tokens.shown(c.Request().Header.Get(echo.HeaderAuthorization))
	switch {
	case shown == nil && !a.failures.Take(a.Proxies.Source(c.Request())):
		return tooMany(c, failuresEvery, "too many requests without a token of PARLEY_API_TOKEN")
	case shown == nil:
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
		return a.refuse(c, http.StatusUnauthorized, errors.New("send the header Authorization: Bearer and a token of PARLEY_API_TOKEN"))
	case !shown.limit.AllowN(a.Now(), 1):
		return tooMany(c, time.Duration(float64(time.Second)/float64(shown.limit.Limit())), "this token has made too many requests; PARLEY_API_RATE says how many it may in a second")
	case shown.scope&needed == 0:
		return a.refuse(c, http.StatusForbidden, fmt.Errorf("this token may %s and not %s; show one that may, see PARLEY_API_TOKEN", shown.scope, needed))
	}
	return next(c)
}

func (a API) queue(c echo.Context) error {
	key, note := c.Request().Header.Get(keyHeader), ""
	if key == "" {
		key, note = rand.Text(), noKey
	}
	if !isKey(key) {
		return a.refuse(c, http.StatusBadRequest, fmt.Errorf("%s must be at most %d letters, digits and punctuation marks of ASCII, without spaces", keyHeader, longestKey))
	}
	body, status, err := readJSON(c)
	if err != nil {
		return a.refuse(c, status, err)
	}
	contact, sender, send, err := a.read(body)
	if err != nil {
		return a.refuse(c, http.StatusBadRequest, err)
	}

	log := a.Log.With("contact", a.Conversations.Tag(contact), "id", key)
	ctx, cancel := lasting(c.Request().Context())
	defer cancel()
	if err := a.Conversations.Queue(ctx, contact, sender, key, send); err != nil {
		log.Error("message was not taken by Temporal", "result", unavailable, "error", err)
		return tryLater(c, "Temporal did not take it; try again with the same "+keyHeader)
	}
	log.Info("message", "result", accepted)
	return c.JSON(http.StatusAccepted, queued{Status: "queued", ID: key, Note: note})
}

// readJSON returns the body of a request, and else the status and the reason of
// a refusal.
func readJSON(c echo.Context) ([]byte, int, error) {
	if kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType)); err != nil || kind != echo.MIMEApplicationJSON {
		return nil, http.StatusUnsupportedMediaType, errors.New("send JSON, with the header Content-Type: application/json")
	}
	body, err := readBody(c, longestRequest)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, http.StatusRequestEntityTooLarge, err
	case err != nil:
		return nil, http.StatusBadRequest, err
	}
	return body, 0, nil
}

// decode reads one JSON object, with the fields that like has and no others.
func decode(body []byte, into any, like string) error {
	if tooDeep(body) {
		return errTooDeep
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.New("the body must be a JSON object such as " + like)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body must be one JSON object, with nothing behind it")
	}
	return nil
}

func isKey(key string) bool {
	return len(key) <= longestKey && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// read understands a request. Its errors are for the caller, and repeat nothing
// of it.
func (a API) read(body []byte) (sms.Number, sms.Sender, wire.SendRequest, error) {
	fail := func(err error) (sms.Number, sms.Sender, wire.SendRequest, error) {
		return "", "", wire.SendRequest{}, err
	}
	var r request
	if err := decode(body, &r, `{"to":"+15551234567","message":"…"}, with "from", "reference", "not_before", "useful_until" and "in_doubt" if you like and nothing else, all of them strings`); err != nil {
		return fail(err)
	}
	to, sender, err := a.address(r.To, r.From)
	if err != nil {
		return fail(err)
	}
	switch segments := sms.SegmentsOf(r.Message); {
	case strings.TrimSpace(r.Message) == "":
		return fail(errors.New(`"message" is empty`))
	case segments.Count > longestSegments:
		return fail(fmt.Errorf(`"message" is too long: it needs %d segments in %s, and may have %d`, segments.Count, segments.Encoding, longestSegments))
	case len(r.Reference) > longestReference:
		return fail(fmt.Errorf(`"reference" is longer than %d bytes`, longestReference))
	case !slices.Contains([]wire.InDoubt{"", wire.Resend, wire.Park}, r.InDoubt):
		return fail(fmt.Errorf(`"in_doubt" must be %q or %q`, wire.Resend, wire.Park))
	}
	send := wire.SendRequest{Text: r.Message, Reference: r.Reference, By: "api", InDoubt: r.InDoubt}
	for _, t := range []struct {
		field, value string
		to           *time.Time
	}{{"not_before", r.NotBefore, &send.NotBefore}, {"useful_until", r.UsefulUntil, &send.UsefulUntil}} {
		if t.value == "" {
			continue
		}
		if *t.to, err = time.Parse(time.RFC3339, t.value); err != nil {
			return fail(fmt.Errorf(`%q must be a time with its offset from UTC, like 2026-11-24T15:00:00+01:00`, t.field))
		}
	}
	return to, sender, send, nil
}

// address says whose conversation it is, over which of our numbers.
func (a API) address(to, from string) (sms.Number, sms.Sender, error) {
	contact, err := numbers.Parse(to)
	if err != nil {
		return "", "", fmt.Errorf(`"to": %w`, err)
	}
	sender := numbers.ParseSender(strings.TrimSpace(from))
	if senders := a.App.Senders(); sender != "" && len(senders) > 0 && !slices.Contains(senders, sender) {
		return "", "", errors.New(`"from" is none of our numbers; leave it out, or add it to SINCH_SMS_SENDER`)
	}
	return contact, a.App.ConversationSender(sender), nil
}

func (a API) refuse(c echo.Context, status int, reason error) error {
	a.Log.Warn("message", "result", refused, "reason", reason, "status", status)
	return refuse(c, status, reason.Error())
}
