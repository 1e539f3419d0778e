package main

import (
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"
)

var (
	errTooLarge = errors.New("the body is too large")
	errUnread   = errors.New("the body did not arrive")
)

// readBody reads at most limit bytes, and does not even begin if more are
// announced.
func readBody(c echo.Context, limit int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, errUnread
	}
	return body, nil
}
