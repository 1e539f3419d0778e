package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/internal/stack"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// carrier is the simulator in our own process, with a clock at its door: it
// tells when a text for a phone was posted.
type carrier struct {
	sim  *sinchtest.Server
	http *http.Server

	mu      sync.Mutex
	waiting map[sms.Number]chan post
	strays  int // texts that nobody waited for
}

// A post is a text that the carrier took.
type post struct {
	at   time.Time
	text string
}

func newCarrier(ctx context.Context, plan *stack.Installation) (*carrier, error) {
	c := &carrier{
		sim: sinchtest.New(sinchtest.Options{
			ProjectID: stack.ProjectID, AppID: stack.AppID, Senders: []sms.Sender{stack.Sender},
			// As the command line registers it.
			Webhooks: []sinchtest.Webhook{{
				Target: plan.Webhook, Secret: stack.WebhookSecret,
				Triggers: []string{sinchtest.TriggerInbound, sinchtest.TriggerDelivery},
			}},
		}),
		waiting: map[sms.Number]chan post{},
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", strings.TrimPrefix(plan.Sinch, "http://"))
	if err != nil {
		return nil, fmt.Errorf("opening the carrier: %w", err)
	}
	c.http = &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.http.Serve(listener) }()
	return c, nil
}

func (c *carrier) stop() {
	c.sim.Close()
	_ = c.http.Close()
}

// ServeHTTP lets the simulator answer, and looks at the clock when a text arrives.
func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/messages:send") {
		c.sim.ServeHTTP(w, r)
		return
	}
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := answer{ResponseWriter: w}
	c.sim.ServeHTTP(&answer, r)
	if answer.status == http.StatusOK {
		c.posted(body, at)
	}
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (c *carrier) posted(body []byte, at time.Time) {
	sent := sinchtest.ReadSend(body)
	c.mu.Lock()
	waits, ok := c.waiting[sent.To]
	delete(c.waiting, sent.To)
	if !ok {
		c.strays++
	}
	c.mu.Unlock()
	if ok {
		waits <- post{at, sent.Text}
	}
}

// expect is to be called before what leads to a text for that phone.
func (c *carrier) expect(to sms.Number) (<-chan post, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.waiting[to]; ok {
		return nil, fmt.Errorf("%s still waits for the text before: use more contacts", to.Masked())
	}
	waits := make(chan post, 1)
	c.waiting[to] = waits
	return waits, nil
}

// nothingTwice tells of texts that were sent although nobody had cause to.
func (c *carrier) nothingTwice() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.strays > 0 {
		return fmt.Errorf("%d texts were sent that nobody waited for", c.strays)
	}
	return nil
}

// contact is the i-th of 100 times 400 numbers that are reserved for fiction.
func contact(i int) sms.Number {
	return sms.Number(fmt.Sprintf("+1%03d55501%02d", 301+i/100, i%100))
}

func contacts(n int) []sms.Number {
	numbers := make([]sms.Number, n)
	for i := range numbers {
		numbers[i] = contact(i)
	}
	return numbers
}
