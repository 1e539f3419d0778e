package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"parley/conversation/wire"
	"parley/sms"
)

// Conversations is what this process does with conversations. What the first three
// are told is durable when they return nil, also if no worker runs.
type Conversations interface {
	// Tell brings an event to a conversation and starts that if it is not running.
	Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error
	// TellRunning returns conversation.ErrClosed if the conversation is not running.
	TellRunning(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error
	// Queue asks a conversation to send a message; the id is the caller's idempotency key.
	Queue(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r wire.SendRequest) error
	// Requested tells what became of a message, by the caller's idempotency key, and
	// whether the conversation remembers it. It needs a worker; a *serviceerror.NotFound
	// says that there is no such conversation.
	Requested(ctx context.Context, contact sms.Number, sender sms.Sender, id string) (wire.Requested, bool, error)
	// Tag tells one contact from another in a log.
	Tag(contact sms.Number) string
}

// temporalTimeout is how long Temporal may take, and AWS where it keeps our
// secrets: long enough for a server that fails over, short enough for the caller
// to hear of it before it gives up.
const temporalTimeout = 4 * time.Second

// retryAfter is when a caller that was answered 503 may come again, in seconds.
const retryAfter = "5"

// lasting is a context for what has been taken in hand: it does not end with the
// caller, who may hang up while Temporal is already writing.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), temporalTimeout)
}

// answer is the body of all answers but the good ones of the API.
type answer struct {
	Result string `json:"result"`           // accepted, dropped or refused; ok or unavailable of the probes
	Reason string `json:"reason,omitempty"` // never holds anything of the request
}

const (
	accepted    = "accepted"
	dropped     = "dropped"
	refused     = "refused"
	unavailable = "unavailable"
)

func refuse(c echo.Context, status int, reason string) error {
	return c.JSON(status, answer{refused, reason})
}

func tryLater(c echo.Context, reason string) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	return c.JSON(http.StatusServiceUnavailable, answer{unavailable, reason})
}

// mostHeaders is how many lines the header of a request may have. Sinch sends
// about ten, and each proxy adds a few.
const mostHeaders = 100

func headers(h http.Header) (n int) {
	for _, lines := range h {
		n += len(lines)
	}
	return n
}

// router is an empty echo that answers everything with JSON. A panic is a fault
// of ours: it is answered like one, and logged without what was sent.
func router(log *slog.Logger) *echo.Echo {
	e := echo.New()
	e.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			// JSON, and nothing that a browser may take for something else.
			c.Response().Header().Set(echo.HeaderXContentTypeOptions, "nosniff")
			if headers(c.Request().Header) > mostHeaders {
				return refuse(c, http.StatusRequestHeaderFieldsTooLarge, "too many headers")
			}
			return next(c)
		}
	})
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		status := http.StatusInternalServerError
		if known, ok := errors.AsType[*echo.HTTPError](err); ok {
			status = known.Code
		} else {
			log.Error("answering failed", "error", err)
		}
		_ = refuse(c, status, http.StatusText(status))
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				if cause := recover(); cause != nil {
					log.Error("a request made us panic", "path", c.Path(), "cause", cause, "stack", string(debug.Stack()))
					err = tryLater(c, "a fault of ours")
				}
			}()
			return next(c)
		}
	})
	return e
}
