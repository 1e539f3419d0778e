package livecheck

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A watch sees all calls to Sinch as they are on the wire. It keeps neither
// tokens nor keys.
type watch struct {
	next http.RoundTripper

	mu          sync.Mutex
	expiresIn   float64       // seconds, of the last token
	throttled   int           // answers of 429
	retryAfter  string        // of the last of them
	sent        Answer        // the last one to a send
	sentFrom    time.Time     // when that call began
	sentUntil   time.Time     // when its answer was there
	least, most time.Duration // by which Sinch's clock may be ahead
	sampled     bool          // those two are known
}

// An Answer is one of Sinch's, for the report.
type Answer struct {
	Call   string `json:"call"`
	Status int    `json:"status"`
	Date   string `json:"date,omitempty"`
	Body   string `json:"body"`
}

func (w *watch) RoundTrip(request *http.Request) (*http.Response, error) {
	from := time.Now()
	response, err := w.next.RoundTrip(request)
	if err != nil {
		return response, err
	}
	until, date := time.Now(), response.Header.Get("Date")
	token := strings.HasSuffix(request.URL.Path, "/oauth2/token")
	send := strings.HasSuffix(request.URL.Path, "/messages:send")
	var body []byte
	if token || send {
		body = copyBody(response)
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if response.StatusCode == http.StatusTooManyRequests {
		w.throttled++
		w.retryAfter = response.Header.Get("Retry-After")
	}
	if at, err := http.ParseTime(date); err == nil {
		w.sample(at.Sub(until), at.Add(time.Second).Sub(from)) // a Date has no fractions
	}
	if token {
		w.expiresIn = expiresIn(body)
	}
	if send {
		w.sentFrom, w.sentUntil = from, until
		w.sent = Answer{Call: "POST /messages:send", Status: response.StatusCode, Date: date, Body: string(body)}
	}
	return response, nil
}

// expiresIn is how many seconds a token says it lives; 0: it does not.
func expiresIn(body []byte) float64 {
	var token struct {
		ExpiresIn float64 `json:"expires_in"`
	}
	_ = json.Unmarshal(body, &token) // what is unreadable says nothing
	return token.ExpiresIn
}

// copyBody reads a body and puts it back.
func copyBody(response *http.Response) []byte {
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	return body
}

// sample narrows down by how much Sinch's clock is ahead. What contradicts the
// samples before is taken for a step of a clock, and begins again.
func (w *watch) sample(least, most time.Duration) {
	if !w.sampled || least > w.most || most < w.least {
		w.least, w.most = least, most
	} else {
		w.least, w.most = max(w.least, least), min(w.most, most)
	}
	w.sampled = true
}

// accepted narrows it down by the time at which Sinch says it took a text.
func (w *watch) accepted(s sent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sample(s.accepted.Sub(s.until), s.accepted.Sub(s.from))
}

// clock is how far Sinch's clock is ahead, and how sure that is.
func (w *watch) clock() (ahead, within time.Duration, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return (w.least + w.most) / 2, (w.most - w.least) / 2, w.sampled
}
