package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"parley/conversation"
	"parley/internal/settings"
	"parley/sinch"
	"parley/sms"
)

// Callbacks takes what Sinch calls back. Its answers decide what Sinch does
// next: 2xx ends the matter, 5xx brings the callback again, and any other 4xx
// than 429 most likely loses it. So a fault of ours is never a 4xx, and what can
// never be processed is never a 5xx.
type Callbacks struct {
	Conversations Conversations
	Secrets       []string      // any of them may have signed
	Tolerance     time.Duration // how far from now a callback's time may be
	App           settings.SinchApp
	AllReceipts   bool // not only the final ones
	Reachable     func(context.Context) error
	Now           func() time.Time
	Log           *slog.Logger
}

// longestCallback is well above the longest text, at ten segments.
const longestCallback = 256 << 10

// Handler serves POST /webhooks/sinch and the two probes.
func (h Callbacks) Handler() http.Handler {
	e := router(h.Log)
	e.POST("/webhooks/sinch", h.take)
	e.GET("/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, answer{Result: "ok"}) })
	e.GET("/readyz", newReadiness(h.Reachable, h.Now, h.Log).answer)
	return e
}

func (h Callbacks) take(c echo.Context) error {
	body, err := readBody(c, longestCallback)
	switch {
	case errors.Is(err, errTooLarge):
		return h.refuse(c, http.StatusRequestEntityTooLarge, err)
	case err != nil:
		h.Log.Warn("callback did not arrive", "error", err)
		return tryLater(c, err.Error())
	}
	now := h.Now()
	switch err := sinch.Verify(c.Request().Header, body, h.Secrets, now, h.Tolerance); {
	case errors.Is(err, sinch.ErrStale):
		h.Log.Error("refused a callback that Sinch did sign: a text or a receipt is lost, unless Sinch signs it anew; is our clock right, is SINCH_WEBHOOK_TOLERANCE long enough?",
			"result", refused, "reason", "stale", "signed_at", c.Request().Header.Get(sinch.HeaderTimestamp), "tolerance", h.Tolerance.String())
		return refuse(c, http.StatusUnauthorized, err.Error())
	case err != nil:
		return h.refuse(c, http.StatusUnauthorized, err)
	}
	callback, err := sinch.ParseCallback(body)
	if err != nil {
		return h.refuse(c, http.StatusBadRequest, err)
	}
	log := h.Log.With("trigger", callback.Trigger)
	switch {
	case h.App.AppID != "" && callback.AppID != "" && callback.AppID != h.App.AppID:
		return h.drop(c, log, "app")
	case callback.Inbound != nil:
		return h.inbound(c, log, *callback.Inbound, now)
	case callback.Receipt != nil:
		return h.receipt(c, log, *callback.Receipt, now)
	}
	return h.drop(c, log, callback.Unused)
}

func (h Callbacks) inbound(c echo.Context, log *slog.Logger, m sms.Inbound, now time.Time) error {
	log = log.With("contact", m.From.Masked(), "message_id", m.ID)
	event, err := conversation.InboundEvent(m, now)
	if err == nil {
		ctx, cancel := lasting(c.Request().Context())
		defer cancel()
		err = h.Conversations.Tell(ctx, m.From, h.App.ConversationSender(m.To), event)
	}
	return h.told(c, log, err)
}

// receipt brings news of a message of ours to its conversation, but starts none:
// one that has closed has nobody waiting for it.
func (h Callbacks) receipt(c echo.Context, log *slog.Logger, r sms.Receipt, now time.Time) error {
	log = log.With("contact", r.To.Masked(), "message_id", r.MessageID, "status", r.Status)
	if !h.AllReceipts && !r.Status.Final() {
		return h.drop(c, log, "not final")
	}
	event, err := conversation.ReceiptEvent(r, now)
	if err == nil {
		ctx, cancel := lasting(c.Request().Context())
		defer cancel()
		err = h.Conversations.TellRunning(ctx, r.To, h.App.ConversationSender(r.From), event)
	}
	if errors.Is(err, conversation.ErrClosed) {
		return h.drop(c, log, "closed")
	}
	return h.told(c, log, err)
}

// told answers for Temporal. Whatever its error, Sinch shall come again: the
// callback is good, so the fault is on our side.
func (h Callbacks) told(c echo.Context, log *slog.Logger, err error) error {
	if err != nil {
		log.Error("callback was not taken by Temporal", "result", unavailable, "error", err)
		return tryLater(c, "Temporal did not take it")
	}
	log.Info("callback", "result", accepted)
	return c.JSON(http.StatusOK, answer{Result: accepted})
}

func (h Callbacks) drop(c echo.Context, log *slog.Logger, reason string) error {
	log.Info("callback", "result", dropped, "reason", reason)
	return c.JSON(http.StatusOK, answer{dropped, reason})
}

func (h Callbacks) refuse(c echo.Context, status int, reason error) error {
	h.Log.Warn("callback", "result", refused, "reason", reason, "status", status)
	return refuse(c, status, reason.Error())
}
