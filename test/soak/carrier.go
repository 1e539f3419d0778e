package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/sinch/sinchtest"
	"parley/sms"
)

const (
	ours  sms.Sender = "+12065550100" // the default one
	ours2 sms.Sender = "+12065550101"
)

// A carrier is the simulator with the faults of this proof. It also notes each
// attempt to send, since the simulator knows only those that it accepted.
type carrier struct {
	sim *sinchtest.Server

	mu       sync.Mutex      // also between reading and changing the faults
	attempts map[string]bool // by key
}

// newCarrier makes a carrier that calls the webhook at target.
func newCarrier(mode sinchtest.Mode, seed uint64, target, secret string) *carrier {
	return &carrier{attempts: map[string]bool{}, sim: sinchtest.New(sinchtest.Options{
		Mode: mode, Senders: []sms.Sender{ours, ours2}, Seed: seed,
		Webhooks:   []sinchtest.Webhook{{Target: target, Secret: secret}},
		Delays:     sinchtest.Delays{Submit: 20 * time.Millisecond, OnChannel: 50 * time.Millisecond, Final: 200 * time.Millisecond},
		RetryScale: 0.02, // 100 ms, 200 ms, 400 ms …
		Readings:   sinchtest.Readings{ListLag: sinchtest.Duration(time.Second)},
	})}
}

// faults turns the usual ones on.
func (c *carrier) faults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sim.SetFaults(sinchtest.Faults{
		Errors: map[int]float64{http.StatusInternalServerError: 0.05}, RetryAfter: sinchtest.Duration(2 * time.Second),
		AcceptThen500: 0.05, AcceptThenHang: 0.03,
		Callbacks: sinchtest.CallbackFaults{
			Duplicate: 0.05, Reverse: 0.05, Delay: 0.03, DelayFor: sinchtest.Duration(3 * time.Second),
			// Else receipts would settle nearly all doubts, and hardly one would need the list.
			Drop: 0.25,
		},
	})
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

// ServeHTTP is the simulator's, with a look at each send.
func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/messages:send") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender is gone
		}
		c.note(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.sim.ServeHTTP(w, r)
}

func (c *carrier) note(body []byte) {
	var send struct {
		Metadata  string `json:"message_metadata"`
		Recipient struct {
			IdentifiedBy struct {
				ChannelIdentities []struct {
					Identity sms.Number `json:"identity"`
				} `json:"channel_identities"`
			} `json:"identified_by"`
		} `json:"recipient"`
	}
	if json.Unmarshal(body, &send) != nil || len(send.Recipient.IdentifiedBy.ChannelIdentities) == 0 {
		return // the simulator will say what is wrong
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := keyOf(send.Metadata)
	c.attempts[key] = true
	if _, attempt, _ := strings.Cut(key, "."); attempt == "3" {
		// A text that three attempts did not bring to the carrier is parked for a person,
		// as is documented. That is no loss, so there shall be no such bad luck here.
		c.sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultSlow, For: sinchtest.Duration(time.Millisecond), To: send.Recipient.IdentifiedBy.ChannelIdentities[0].Identity})
	}
}

// resent counts the sends that Parley could not know the fate of and sent
// again: each has a key of its own.
func (c *carrier) resent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for key := range c.attempts {
		if strings.Contains(key, ".") {
			n++
		}
	}
	return n
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
