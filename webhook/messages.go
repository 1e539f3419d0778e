package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
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

	"parley/conversation"
	"parley/internal/settings"
	"parley/internal/telemetry/tracing"
	"parley/sms"
)

// API is the outbound queue for other programs: POST /messages puts a message
// into its conversation, which sends it in order, once, and not to who has
// opted out.
type API struct {
	Conversations Conversations
	Tokens        []string // any of them opens the door
	App           settings.SinchApp
	Log           *slog.Logger
	Traces        tracing.Traces
	Counts        counts
}

const (
	longestRequest   = 64 << 10
	longestKey       = 200
	longestReference = 200
	longestSegments  = 10
	keyHeader        = "Idempotency-Key"
)

// Handler serves POST /messages.
func (a API) Handler() http.Handler {
	e := router(a.Log)
	e.POST("/messages", a.take)
	return e
}

// request is the body of POST /messages.
type request struct {
	To        string `json:"to"`
	Message   string `json:"message"`
	From      string `json:"from"`
	Reference string `json:"reference"`

	UsefulUntil string               `json:"useful_until"` // RFC 3339; not sent later
	InDoubt     conversation.InDoubt `json:"in_doubt"`
}

// queued is the body of its answer.
type queued struct {
	Status string `json:"status"`
	ID     string `json:"id"`             // the idempotency key
	Note   string `json:"note,omitempty"` // what the caller may want to do better
}

const noKey = "the request had no " + keyHeader + ", so this one was made up; without one, a repeated request sends the message twice"

// take answers a request, and counts it.
func (a API) take(c echo.Context) error {
	ctx, span := a.Traces.Begin(c.Request().Context(), "message", c.Request().Header)
	defer span.End()
	c.SetRequest(c.Request().WithContext(ctx))
	err := a.queue(c)
	result := refused
	switch c.Response().Status {
	case http.StatusAccepted:
		result = accepted
	case http.StatusServiceUnavailable:
		result = unavailable
	}
	span.Set("result", result)
	a.Counts.request(ctx, result)
	return err
}

func (a API) queue(c echo.Context) error {
	if !a.authorized(c.Request().Header.Get(echo.HeaderAuthorization)) {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
		return a.refuse(c, http.StatusUnauthorized, errors.New("send the header Authorization: Bearer and a token of PARLEY_API_TOKEN"))
	}
	key, note := c.Request().Header.Get(keyHeader), ""
	if key == "" {
		key, note = rand.Text(), noKey
	}
	if !isKey(key) {
		return a.refuse(c, http.StatusBadRequest, fmt.Errorf("%s must be at most %d letters, digits and punctuation marks of ASCII, without spaces", keyHeader, longestKey))
	}
	if kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType)); err != nil || kind != echo.MIMEApplicationJSON {
		return a.refuse(c, http.StatusUnsupportedMediaType, errors.New("send JSON, with the header Content-Type: application/json"))
	}
	body, err := readBody(c, longestRequest)
	switch {
	case errors.Is(err, errTooLarge):
		return a.refuse(c, http.StatusRequestEntityTooLarge, err)
	case err != nil:
		return a.refuse(c, http.StatusBadRequest, err)
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

// authorized compares hashes, and with all tokens: how long it takes tells
// neither their lengths nor which was near.
func (a API) authorized(header string) bool {
	scheme, token, _ := strings.Cut(header, " ")
	shown := sha256.Sum256([]byte(token))
	right := 0
	for _, t := range a.Tokens {
		known := sha256.Sum256([]byte(t))
		right |= subtle.ConstantTimeCompare(shown[:], known[:])
	}
	return right == 1 && strings.EqualFold(scheme, "Bearer")
}

func isKey(key string) bool {
	return len(key) <= longestKey && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// read understands a request. Its errors are for the caller, and repeat nothing
// of it.
func (a API) read(body []byte) (sms.Number, sms.Sender, conversation.SendRequest, error) {
	fail := func(err error) (sms.Number, sms.Sender, conversation.SendRequest, error) {
		return "", "", conversation.SendRequest{}, err
	}
	var r request
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return fail(errors.New(`the body must be a JSON object such as {"to":"+15551234567","message":"…"}, with "from", "reference", "useful_until" and "in_doubt" if you like and nothing else, all of them strings`))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fail(errors.New("the body must be one JSON object, with nothing behind it"))
	}
	to, err := sms.ParseNumber(r.To)
	if err != nil {
		return fail(fmt.Errorf(`"to": %w`, err))
	}
	from := sms.ParseSender(strings.TrimSpace(r.From))
	if senders := a.App.Senders(); from != "" && len(senders) > 0 && !slices.Contains(senders, from) {
		return fail(errors.New(`"from" is none of our numbers; leave it out, or add it to SINCH_SMS_SENDER`))
	}
	switch segments := sms.SegmentsOf(r.Message); {
	case strings.TrimSpace(r.Message) == "":
		return fail(errors.New(`"message" is empty`))
	case segments.Count > longestSegments:
		return fail(fmt.Errorf(`"message" is too long: it needs %d segments in %s, and may have %d`, segments.Count, segments.Encoding, longestSegments))
	case len(r.Reference) > longestReference:
		return fail(fmt.Errorf(`"reference" is longer than %d bytes`, longestReference))
	case !slices.Contains([]conversation.InDoubt{"", conversation.Resend, conversation.Park}, r.InDoubt):
		return fail(fmt.Errorf(`"in_doubt" must be %q or %q`, conversation.Resend, conversation.Park))
	}
	send := conversation.SendRequest{Text: r.Message, Reference: r.Reference, By: "api", InDoubt: r.InDoubt}
	if r.UsefulUntil != "" {
		if send.UsefulUntil, err = time.Parse(time.RFC3339, r.UsefulUntil); err != nil {
			return fail(errors.New(`"useful_until" must be a time with its offset from UTC, like 2026-11-24T15:00:00+01:00`))
		}
	}
	return to, a.App.ConversationSender(from), send, nil
}

func (a API) refuse(c echo.Context, status int, reason error) error {
	a.Log.Warn("message", "result", refused, "reason", reason, "status", status)
	return refuse(c, status, reason.Error())
}
