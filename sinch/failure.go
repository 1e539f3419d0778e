package sinch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parley/sms"
)

// Error is a call to Sinch that did not end well, seen from outside: no number,
// text, secret or URL is in it.
type Error struct {
	Status     int           // of HTTP; 0: no answer came
	Code       string        // PERMISSION_DENIED, HTTP 503, timeout
	Detail     string        // one sentence for the person who has to mend it
	RetryAfter time.Duration // when Sinch wants to be asked again; 0: it did not say

	refused bool // for good: the same call will fail again
	token   bool // it was the call for a token
	reached bool // the request, or enough of it, may have reached Sinch, and its fate is not known
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Code
	}
	return e.Code + ": " + e.Detail
}

// Temporary reports whether the same call may succeed later.
func (e *Error) Temporary() bool { return !e.refused }

// sendError is the error as a send sees it.
func (e *Error) sendError() *sms.SendError {
	doubt := sms.NotTaken
	switch {
	case e.refused && e.Status == http.StatusBadRequest && !e.token:
		doubt = sms.Refused
	case e.refused: // nothing is wrong with the text
		doubt = sms.Denied
	case e.reached:
		doubt = sms.Ambiguous
	}
	s := &sms.SendError{Doubt: doubt, Code: e.Code, Detail: e.Detail}
	if doubt == sms.NotTaken {
		s.RetryAfter = e.RetryAfter
	}
	return s
}

// answerError translates an answer other than 2xx. private is what the request
// held and the answer may echo.
func answerError(status int, header http.Header, body []byte, private ...string) *Error {
	name, message := errorBody(body)
	e := &Error{
		Status:     status,
		Code:       cmp.Or(name, statusNames[status], httpCode(status)),
		RetryAfter: retryAfter(header, time.Now()),
	}
	switch {
	case status == http.StatusTooManyRequests:
		// Refused by a rate limit or a full queue: certainly not taken.
	case transient(status):
		e.Code, e.reached = httpCode(status), true
	default:
		e.refused = true
	}
	e.Detail = sentence(redact(message, private...), advice[status])
	if status/100 == 3 {
		e.Detail = "redirected, which is not followed; check SINCH_API_URL"
	}
	return e
}

// transient reports whether a status says nothing about the request itself. 501
// does: there is no such call, and there will not be later.
func transient(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
		(status >= 500 && status != http.StatusNotImplemented)
}

// statusNames stand in where an answer does not name its status.
var statusNames = map[int]string{
	http.StatusBadRequest:      "INVALID_ARGUMENT",
	http.StatusUnauthorized:    "UNAUTHENTICATED",
	http.StatusForbidden:       "PERMISSION_DENIED",
	http.StatusNotFound:        "NOT_FOUND",
	http.StatusTooManyRequests: "RESOURCE_EXHAUSTED",
	http.StatusNotImplemented:  "UNIMPLEMENTED",
}

var advice = map[int]string{
	http.StatusUnauthorized: "check SINCH_ACCESS_KEY and SINCH_ACCESS_KEY_SECRET",
	http.StatusForbidden:    "check that the access key may use project SINCH_PROJECT_ID, and the account's balance",
	http.StatusNotFound:     "check SINCH_PROJECT_ID, SINCH_APP_ID and SINCH_REGION: an app is known in its own region only",
}

func httpCode(status int) string { return fmt.Sprintf("HTTP %d", status) }

// errorBody reads both shapes of error that Sinch is known to answer with: the
// usual {"error":{"status","message"}}, and a flat one in which "error" may be
// the status's name. What is no JSON at all, such as a proxy's page, is left out.
func errorBody(body []byte) (name, message string) {
	o, err := parseObject(body)
	if err != nil {
		return "", ""
	}
	if inner := o.object("error"); inner != nil {
		o = inner
	}
	for _, key := range []string{"status", "error", "code"} {
		if name = word(o.text(key)); name != "" {
			break
		}
	}
	return name, o.text("message")
}

// word keeps a code that looks like one (INVALID_ARGUMENT, invalid_client) and
// nothing else, since a code may become a label.
func word(s string) string {
	if codeShape.MatchString(s) {
		return s
	}
	return ""
}

var (
	codeShape = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{2,48}$`)
	// Five digits or more, however they are grouped, may be a phone number.
	digitRun = regexp.MustCompile(`\+?[0-9](?:[ ().\-]{0,2}[0-9]){4,}`)
	blanks   = regexp.MustCompile(`[\s\p{Cc}]+`)
)

const (
	hidden        = "•••"
	longestDetail = 300 // bytes of the carrier's words that are kept
)

// redact takes out of the carrier's words what may be a number, and whatever of
// the request they repeat.
func redact(s string, private ...string) string {
	for _, p := range private {
		if len(p) > 3 { // shorter ones tell nothing, and would tear words apart
			s = strings.ReplaceAll(s, p, hidden)
		}
	}
	s = digitRun.ReplaceAllString(blanks.ReplaceAllString(s, " "), hidden)
	if len(s) > longestDetail {
		s = strings.ToValidUTF8(s[:longestDetail], "") + "…"
	}
	return strings.TrimSpace(s)
}

// sentence joins what is known, leaving out what is not.
func sentence(parts ...string) string { return join(": ", parts...) }

// networkError translates a call that got no whole answer. reached says whether
// the request may have arrived before that.
func networkError(err error, host string, reached bool) *Error {
	code, detail := networkReason(err)
	return &Error{Code: code, Detail: sentence("calling "+host, detail), reached: reached}
}

// unnamed is the code of a network fault that has no name below.
const unnamed = "network"

// networkReason names a fault of the network. The error's own text is not used:
// it may quote the URL, or the bytes that came back.
func networkReason(err error) (code, detail string) {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled", ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", ""
	case errors.As(err, &dns):
		return "name lookup", "the host's name does not resolve"
	case errors.As(err, &certificate):
		return "bad certificate", "TLS does not trust the other side"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS", "the other side does not speak TLS"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout", ""
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "connection reset", "the other side hung up"
	}
	return unnamed, "the connection failed"
}

// longestWait keeps a Retry-After of nonsense from becoming an overflow.
const longestWait = 24 * time.Hour

// retryAfter reads either form of the header: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		wait = time.Duration(min(seconds, int64(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}
