package main

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// Each source may fail so often to prove itself, by a signature or a token, before
// it hears 429 and the log hears nothing. Who can prove itself is never asked.
const (
	failuresEvery = time.Second
	failuresFirst = 20 // at once: somebody who sets up a webhook tries more than once
)

// tooMany answers 429, and says when to come again.
func tooMany(c echo.Context, wait time.Duration, reason string) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	return refuse(c, http.StatusTooManyRequests, reason)
}
