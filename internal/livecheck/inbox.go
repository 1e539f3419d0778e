package livecheck

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"parley/sinch"
	"parley/sms"
)

const (
	longestCallback = 256 << 10
	tolerance       = 48 * time.Hour // a repeated callback may keep its time
	proofHeader     = "X-Parley-Live-Check"
)

// An arrival is one try of a callback.
type arrival struct {
	index     int
	at        time.Time
	header    http.Header
	body      []byte
	callback  callback
	status    int           // our answer
	held      time.Duration // how long the answer was held back
	hungUp    bool          // Sinch did not wait for it
	duplicate bool          // of one that was answered 2xx
}

// evidence names the arrival in the report.
func (a arrival) evidence() string { return fmt.Sprintf("callbacks[%d]", a.index) }

// An order says how a callback is answered.
type order struct {
	status int
	hold   time.Duration
}

// An inbox is the webhook at our end. It keeps what is about the phone, and
// nothing of anybody else.
type inbox struct {
	appID  string
	phone  sms.Number
	secret string
	proof  string // tells that a URL leads here

	mu       sync.Mutex
	arrivals []*arrival
	others   int                    // receipts of other phones' messages
	answer   func(a *arrival) order // called with mu held; nil: 200
	taken    map[string]bool        // bodies that were answered 2xx
	changed  chan struct{}          // closed and replaced at every change
	ended    context.Context        // lets go of what is held back
}

func newInbox(ended context.Context, appID string, phone sms.Number, secret, proof string) *inbox {
	return &inbox{
		appID: appID, phone: phone, secret: secret, proof: proof,
		taken: map[string]bool{}, changed: make(chan struct{}), ended: ended,
	}
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set(proofHeader, b.proof)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestCallback))
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if sinch.Verify(r.Header, body, []string{b.secret}, time.Now(), tolerance) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a, order := b.take(r.Header, body)
	if order.hold > 0 {
		b.hold(r.Context(), a, order.hold)
	}
	w.WriteHeader(order.status)
}

// take notes a callback, and says how to answer it.
func (b *inbox) take(header http.Header, body []byte) (*arrival, order) {
	c, known := parseCallback(body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !known || c.AppID != b.appID {
		return nil, order{status: http.StatusOK}
	}
	if !isPhone(c.identity().Identity, b.phone) {
		if c.receipt() != nil {
			b.others++
		}
		return nil, order{status: http.StatusOK}
	}
	a := &arrival{
		index: len(b.arrivals), at: time.Now(), header: header.Clone(), body: body, callback: c, duplicate: b.taken[string(body)],
	}
	answer := order{status: http.StatusOK}
	if b.answer != nil {
		answer = b.answer(a)
	}
	a.status = answer.status
	if a.status/100 == 2 {
		b.taken[string(body)] = true
	}
	b.arrivals = append(b.arrivals, a)
	b.wake()
	return a, answer
}

// wake tells who waits. The caller holds the lock.
func (b *inbox) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// hold waits until the time is over, Sinch hangs up or the check ends.
func (b *inbox) hold(ctx context.Context, a *arrival, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	hungUp := false
	select {
	case <-timer.C:
	case <-b.ended.Done():
	case <-ctx.Done():
		hungUp = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a.held, a.hungUp = time.Since(a.at), hungUp
	b.wake()
}

// answering sets how callbacks are answered from now on; nil: with 200.
func (b *inbox) answering(answer func(a *arrival) order) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

// count is how many callbacks there are.
func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.arrivals)
}

// find returns the callbacks from an index on that fit.
func (b *inbox) find(from int, fits func(a arrival) bool) []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []arrival
	for _, a := range b.arrivals[min(from, len(b.arrivals)):] {
		if fits(*a) {
			found = append(found, *a)
		}
	}
	return found
}

// await waits until enough is true, which is asked at every change. It reports
// whether it became true before the context ended or the person skipped.
func (b *inbox) await(ctx context.Context, skipped <-chan struct{}, enough func() bool) bool {
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if enough() {
			return true
		}
		select {
		case <-changed:
		case <-skipped:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
