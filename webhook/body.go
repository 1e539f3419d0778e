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
	errTooDeep  = errors.New("the body is nested too deep")
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

// deepest is how many objects and arrays may stand in one another. Callbacks have
// eight; encoding/json by itself follows ten thousand, and lenient reading goes
// through the inner ones again and again.
const deepest = 32

// tooDeep looks at brackets outside of strings, and at nothing else: what is no
// JSON is for the parser to refuse.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > deepest {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}
