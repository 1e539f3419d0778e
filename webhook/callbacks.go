package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/auth"
	"parley/internal/health"
	"parley/internal/settings"
	"parley/internal/telemetry/tracing"
	"parley/sinch"
	"parley/sms"
)

// Callbacks takes what Sinch calls back. Its answers decide what Sinch does
// next: 2xx ends the matter, 5xx brings the callback again, and any other 4xx
// than 429 most likely loses it. So a fault of ours is never a 4xx, and what can
// never be processed is never a 5xx.
type Callbacks struct {
	Conversations   Conversations
	Secrets         Secrets
	ReceiptsSecrets Secrets       // where receipts have a webhook to themselves
	Tolerance       time.Duration // how far from now a callback's time may be
	App             settings.SinchApp
	AllReceipts     bool // not only the final ones, and those of messages with a reference
	Ready           *health.Readiness
	Now             func() time.Time
	Log             *slog.Logger
	Traces          tracing.Traces
	Counts          counts
	Proxies         auth.Proxies // whose word about a callback's source is believed

	failures *auth.Failures
}

// Secrets are what callbacks may be signed with; settings.SigningSecrets are some.
type Secrets interface {
	// Get returns them as they are known.
	Get(ctx context.Context) ([]string, error)
	// Renew asks where they come from, after the call began.
	Renew(ctx context.Context) ([]string, error)
}

// longestCallback is well above the longest text, at ten segments.
const longestCallback = 256 << 10

// The paths of callbacks. A webhook for receipts only has one of its own, and
// with it a secret of its own; what arrives there is handled as anywhere, since a
// text that is sent to the wrong one of the two is still a text.
const (
	callbacksPath = "/webhooks/sinch"
	receiptsPath  = "/webhooks/sinch/receipts"
)

// Handler serves the callbacks and the two probes.
func (h Callbacks) Handler() http.Handler {
	h.failures = auth.NewFailures(h.Now, failuresEvery, failuresFirst)
	e := router(h.Log)
	e.POST(callbacksPath, h.take(h.Secrets))
	e.POST(receiptsPath, h.take(h.ReceiptsSecrets))
	for path, probe := range map[string]http.HandlerFunc{"/healthz": h.Ready.Healthz, "/readyz": h.Ready.Readyz} {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, echo.WrapHandler(probe))
	}
	return e
}

// take answers a callback that one of the secrets has signed, and counts it.
func (h Callbacks) take(secrets Secrets) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		ctx, span := h.Traces.Begin(c.Request().Context(), "callback", c.Request().Header)
		c.SetRequest(c.Request().WithContext(ctx))
		end := ending{result: unavailable, reason: "panic"} // unless the next line returns
		defer func() {
			h.Counts.callback(ctx, end, time.Since(begun))
			span.Set("kind", end.kind, "result", end.result, "reason", end.reason)
			span.End()
		}()
		end = h.handle(c, secrets)
		return end.answer(c)
	}
}

// handle limits nothing that is rightly signed, so it looks at the signature
// first, and with the newest secrets.
func (h Callbacks) handle(c echo.Context, secrets Secrets) ending {
	body, err := readBody(c, longestCallback)
	switch {
	case errors.Is(err, errTooLarge):
		h.stranger(c).Warn("callback", "result", refused, "reason", err, "status", http.StatusRequestEntityTooLarge, "path", c.Path())
		return ending{result: refused, reason: "too large", status: http.StatusRequestEntityTooLarge, words: err.Error()}
	case err != nil:
		h.stranger(c).Warn("callback did not arrive", "error", err)
		return ending{result: unavailable, reason: "unread", words: err.Error()}
	}
	ctx, cancel := lasting(c.Request().Context())
	defer cancel()
	now := h.Now()
	switch err := h.verify(ctx, c.Request().Header, body, secrets, now); {
	case errors.Is(err, errNoSecrets):
		h.stranger(c).Error("callback could not be checked", "result", unavailable, "error", err)
		return ending{result: unavailable, reason: "secrets", words: errNoSecrets.Error()}
	case errors.Is(err, sinch.ErrStale):
		h.Log.Error("refused a callback that Sinch did sign: a text or a receipt is lost, unless Sinch signs it again; is our clock right, is SINCH_WEBHOOK_TOLERANCE long enough?",
			"result", refused, "reason", "stale", "signed_at", c.Request().Header.Get(sinch.HeaderTimestamp), "tolerance", h.Tolerance.String())
		return ending{result: refused, reason: "stale", status: http.StatusUnauthorized, words: err.Error()}
	case errors.Is(err, sinch.ErrUnsigned):
		return h.refuse(c, "unsigned", err)
	case err != nil:
		return h.refuse(c, "wrong signature", err)
	}
	callback, err := parse(body)
	if err != nil {
		h.Log.Warn("callback", "result", refused, "reason", err, "status", http.StatusBadRequest, "path", c.Path())
		return ending{result: refused, reason: "not JSON", status: http.StatusBadRequest, words: err.Error()}
	}
	end := h.hand(ctx, callback, now)
	end.kind = callback.Trigger
	return end
}

func parse(body []byte) (sinch.Callback, error) {
	if tooDeep(body) {
		return sinch.Callback{}, errTooDeep
	}
	return sinch.ParseCallback(body)
}

// stranger returns the logger for unauthenticated requests; it discards once the
// source is over its limit.
func (h Callbacks) stranger(c echo.Context) *slog.Logger {
	if !h.failures.Take(h.Proxies.Source(c.Request())) {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// errNoSecrets is no fault of the caller's.
var errNoSecrets = errors.New("the secrets of callbacks cannot be read")

// verify looks for newer secrets before it holds a signature against a callback:
// the one that made it may have been replaced a moment ago.
func (h Callbacks) verify(ctx context.Context, header http.Header, body []byte, secrets Secrets, now time.Time) error {
	known, err := secrets.Get(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoSecrets, err)
	}
	refusal := sinch.Verify(header, body, known, now, h.Tolerance)
	if !errors.Is(refusal, sinch.ErrBadSignature) {
		return refusal
	}
	newer, err := secrets.Renew(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNoSecrets, err)
	case slices.Equal(newer, known):
		return refusal
	}
	return sinch.Verify(header, body, newer, now, h.Tolerance)
}

// hand brings a callback to its conversation, if it is for one.
func (h Callbacks) hand(ctx context.Context, callback sinch.Callback, now time.Time) ending {
	log := entry{log: h.Log.With("trigger", callback.Trigger), span: tracing.Current(ctx)}
	switch {
	case h.App.AppID != "" && callback.AppID != "" && callback.AppID != h.App.AppID:
		return log.drop("app")
	case callback.Inbound != nil:
		return h.inbound(ctx, log, *callback.Inbound, now)
	case callback.Receipt != nil:
		return h.receipt(ctx, log, *callback.Receipt, callback.Tracked, now)
	}
	return log.drop(callback.Unused)
}

func (h Callbacks) inbound(ctx context.Context, log entry, m sms.Inbound, now time.Time) ending {
	log.add("contact", h.Conversations.Tag(m.From))
	log.add("message_id", m.ID)
	event, err := conversations.InboundEvent(m, now)
	if err == nil {
		err = h.Conversations.Tell(ctx, m.From, h.App.ConversationSender(m.To), event)
	}
	return log.told(err)
}

// receipt brings news of a message of ours to its conversation, but starts none:
// one that has closed has nobody waiting for it.
func (h Callbacks) receipt(ctx context.Context, log entry, r sms.Receipt, tracked bool, now time.Time) ending {
	log.add("contact", h.Conversations.Tag(r.To))
	log.add("message_id", r.MessageID)
	log.add("status", string(r.Status))
	if r.Reference != "" {
		log.add("reference", r.Reference)
	}
	if isOurs(r.Key) {
		log.add("key", r.Key)
	}
	if r.Status == sms.StatusFailed {
		log.level = slog.LevelWarn // somebody was not reached
		log.add("code", r.Reason)
	}
	// That a text was accepted is what the answer to its send said already.
	if news := r.Status.Final() || tracked && r.Status != sms.StatusAccepted; !news && !h.AllReceipts {
		return log.drop("not final")
	}
	event, err := wire.ReceiptEvent(r, now)
	if err == nil {
		err = h.Conversations.TellRunning(ctx, r.To, h.App.ConversationSender(r.From), event)
	}
	if errors.Is(err, conversations.ErrClosed) {
		return log.drop("closed")
	}
	return log.told(err)
}

// isOurs leaves out what another program sent along with a message of its own,
// which may hold anything.
func isOurs(key string) bool {
	return key != "" && isKey(key) && !strings.HasPrefix(key, "{")
}

// refuse ends a callback that nobody whom we know has signed.
func (h Callbacks) refuse(c echo.Context, reason string, err error) ending {
	if !h.failures.Take(h.Proxies.Source(c.Request())) {
		return ending{result: refused, reason: "limited", status: http.StatusTooManyRequests, words: "too many callbacks without a right signature; " + err.Error()}
	}
	// The path, because each has secrets of its own.
	h.Log.Warn("callback", "result", refused, "reason", err, "status", http.StatusUnauthorized, "path", c.Path())
	return ending{result: refused, reason: reason, status: http.StatusUnauthorized, words: err.Error()}
}
