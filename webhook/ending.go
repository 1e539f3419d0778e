package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/internal/telemetry/tracing"
)

// An ending is what became of a callback.
type ending struct {
	kind   string // the trigger; empty if we do not know it
	result string
	reason string // a word out of a small set, since it labels a metric
	status int    // of a refusal
	words  string // to the caller, where the reason says too little
}

func (e ending) answer(c echo.Context) error {
	reason := cmp.Or(e.words, e.reason)
	switch e.result {
	case refused:
		if e.status == http.StatusTooManyRequests {
			return tooMany(c, failuresEvery, reason)
		}
		return refuse(c, e.status, reason)
	case unavailable:
		return tryLater(c, reason)
	}
	return c.JSON(http.StatusOK, answer{e.result, reason})
}

// An entry is the log line of a callback that is rightly signed.
type entry struct {
	log   *slog.Logger
	level slog.Level
	span  tracing.Span
}

// add says more about the callback, in the log and in its trace.
func (e *entry) add(name, value string) {
	e.log = e.log.With(name, value)
	e.span.Set(name, value)
}

func (e *entry) drop(reason string) ending {
	e.log.Log(context.Background(), e.level, "callback", "result", dropped, "reason", reason)
	return ending{result: dropped, reason: reason}
}

// told ends a callback as Temporal did. Whatever its error, Sinch must come
// again: the callback is good, so the fault is on our side.
func (e *entry) told(err error) ending {
	if err != nil {
		e.log.Error("callback was not taken by Temporal", "result", unavailable, "error", err)
		return ending{result: unavailable, reason: "temporal", words: "Temporal did not take it"}
	}
	e.log.Log(context.Background(), e.level, "callback", "result", accepted)
	return ending{result: accepted}
}
