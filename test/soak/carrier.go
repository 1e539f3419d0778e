package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/sinch/sinchtest"
	"parley/sms"
)

const (
	ours  sms.Sender = "+12065550100" // the default one
	ours2 sms.Sender = "+12065550101"

	theDefault sms.Sender = "" // names ours where conversations are found
)

// A carrier is the simulator with the faults of this proof.
type carrier struct {
	sim   *sinchtest.Server
	rough bool // also answers that are broken, and callbacks of others

	mu sync.Mutex // between reading and changing the faults
}

// newCarrier makes a carrier that calls the webhook at target.
func newCarrier(o options, target, secret string) *carrier {
	return &carrier{rough: o.with[roughCarrier], sim: sinchtest.New(sinchtest.Options{
		Mode: o.mode, Senders: []sms.Sender{ours, ours2}, Seed: o.seed, Readings: o.readings,
		Webhooks:   []sinchtest.Webhook{{Target: target, Secret: secret}},
		Delays:     sinchtest.Delays{Submit: 20 * time.Millisecond, OnChannel: 50 * time.Millisecond, Final: 200 * time.Millisecond},
		RetryScale: 0.02, // 100 ms, 200 ms, 400 ms …
	})}
}

// faults turns the usual ones on.
func (c *carrier) faults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	faults := sinchtest.Faults{
		Errors: map[int]float64{http.StatusInternalServerError: 0.05}, RetryAfter: sinchtest.Duration(2 * time.Second),
		AcceptThen500: 0.05, AcceptThenHang: 0.03,
		Callbacks: sinchtest.CallbackFaults{
			Duplicate: 0.05, Reverse: 0.05, Delay: 0.03, DelayFor: sinchtest.Duration(3 * time.Second),
			// Else receipts would settle nearly all doubts, and hardly one would need the list.
			Drop: 0.25,
		},
	}
	if c.rough {
		roughen(&faults)
	}
	c.sim.SetFaults(faults)
}

// roughen adds what a carrier does less often. Each way to answer wrongly comes
// about as often as a worker is killed.
func roughen(f *sinchtest.Faults) {
	broken := map[string]float64{
		sinchtest.FaultTrickle: 0.01, sinchtest.FaultBrokenJSON: 0.01, sinchtest.FaultNoID: 0.01, sinchtest.FaultCut: 0.01,
		sinchtest.FaultGarbage: 0.01, sinchtest.FaultGarbageHeader: 0.01, sinchtest.FaultClose: 0.01, sinchtest.FaultCloseBefore: 0.01,
		sinchtest.FaultHTTP10: 0.02, sinchtest.FaultInterim: 0.02,
	}
	reads := maps.Clone(broken)
	delete(reads, sinchtest.FaultNoID)
	reads[sinchtest.FaultRedirect] = 0.01 // a send that is redirected is parked for a person, and here nobody mends it
	f.Answers = map[sinchtest.Operation]map[string]float64{sinchtest.OnSend: broken, sinchtest.OnList: reads, sinchtest.OnToken: {sinchtest.FaultSlow: 0.2, sinchtest.FaultBrokenJSON: 0.05}}
	f.TrickleFor, f.RetryAfterDate, f.RevokeTokens = sinchtest.Duration(3*time.Second), true, 0.005
	f.Strays = sinchtest.Strays{OtherNumber: 0.02, ForeignMetadata: 0.02, UnknownStatus: 0.02}
	f.Callbacks.Resigned = 0.05
}

func (c *carrier) noFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sim.SetFaults(sinchtest.Faults{})
}

// busy begins or ends a burst of 429.
func (c *carrier) busy(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.sim.Faults()
	delete(f.Errors, http.StatusTooManyRequests)
	if on {
		f.Errors = maps.Clone(f.Errors)
		f.Errors[http.StatusTooManyRequests] = 1
	}
	c.sim.SetFaults(f)
}

// change puts the carrier into another mood.
func (c *carrier) change(m mood) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.sim.Faults()
	f.List, f.ExpiresIn = m.list, m.expiresIn
	c.sim.SetFaults(f)
}

// lateToken ends all access tokens, and lets the next one come late.
func (c *carrier) lateToken(by time.Duration) {
	c.next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, On: sinchtest.OnToken, For: sinchtest.Duration(by)})
	c.sim.ExpireTokens()
}

// telling reports whether a webhook still has to take a callback of ours. What is
// brought for others may be refused for ever: the count "door" says so.
func (c *carrier) telling() bool {
	return slices.ContainsFunc(append(c.sim.Sent(), c.sim.Inbound()...), func(m sinchtest.Message) bool {
		return slices.ContainsFunc(m.Callbacks, func(b sinchtest.Callback) bool { return !b.Done && !b.Stray })
	})
}

// ServeHTTP is the simulator's, with a look at each send.
func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/messages:send") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender is gone
		}
		c.spare(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.sim.ServeHTTP(w, r)
}

// spare lets a third attempt succeed. A text that three attempts did not bring to
// the carrier is parked for a person, as is documented; that is no loss, and here
// nobody mends it.
func (c *carrier) spare(body []byte) {
	send := sinchtest.ReadSend(body)
	if send.To == "" {
		return // the simulator will say what is wrong
	}
	if _, attempt, _ := strings.Cut(keyOf(send.Key), "."); attempt == "3" {
		c.next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, For: sinchtest.Duration(time.Millisecond), To: send.To})
	}
}

// next queues faults for the next calls.
func (c *carrier) next(faults ...sinchtest.OneShot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sim.Next(faults...)
}

// keyOf is the key in a send's metadata; what follows it is not our business.
func keyOf(metadata string) string {
	key, _, _ := strings.Cut(metadata, " ")
	return key
}

// baseOf is the key without the number of the attempt.
func baseOf(key string) string {
	base, _, _ := strings.Cut(key, ".")
	return base
}
