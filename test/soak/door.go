package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// A door is the one URL that the carrier calls, in front of several webhooks. A
// load balancer does no more; this one also has faults.
type door struct {
	backends []*httputil.ReverseProxy
	next     atomic.Uint64
	faulty   atomic.Bool

	mu      sync.Mutex
	dice    *rand.Rand
	offered map[string]time.Time // by message id: when a webhook was first given the text
	refused []string             // answered 5xx while Temporal was up
}

var errLost = errors.New("the answer is lost on the way")

func newDoor(seed uint64, temporalIsUp func() bool, addresses ...string) *door {
	d := &door{dice: dice(seed, "door"), offered: map[string]time.Time{}}
	for _, address := range addresses {
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
		// A webhook that is down, or dies before it answered: the carrier comes again.
		proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
		proxy.ModifyResponse = func(r *http.Response) error {
			if r.StatusCode >= 500 && temporalIsUp() {
				d.refuse(r)
			}
			if d.throw(2) {
				return errLost
			}
			return nil
		}
		d.backends = append(d.backends, proxy)
	}
	return d
}

// throw reports whether a fault of so many percent happens now.
func (d *door) throw(percent int) bool {
	if !d.faulty.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return chance(d.dice, percent)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the carrier is gone
	}
	if d.throw(2) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if d.throw(5) { // what comes next overtakes this one
		d.mu.Lock()
		pause := between(d.dice, 20*time.Millisecond, 400*time.Millisecond)
		d.mu.Unlock()
		sleep(r.Context(), pause)
	}
	d.note(body)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	d.backends[d.next.Add(1)%uint64(len(d.backends))].ServeHTTP(w, r)
}

// refuse notes that a webhook refused what only the carrier can have signed.
func (d *door) refuse(r *http.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = append(d.refused, fmt.Sprintf("%s %s answered %s", time.Now().Format("15:04:05.000"), r.Request.URL.Host, r.Status))
}

// note remembers when a text was first offered.
func (d *door) note(body []byte) {
	var callback struct {
		Message *struct {
			ID string `json:"id"`
		} `json:"message"`
	}
	if json.Unmarshal(body, &callback) != nil || callback.Message == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.offered[callback.Message.ID]; !known {
		d.offered[callback.Message.ID] = time.Now()
	}
}
