package livecheck

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"parley/sinch"
	"parley/sms"
)

// A Check is what is to be asked, and of whom.
type Check struct {
	Sinch    sinch.Config
	To       sms.Number   // the phone in the person's hand
	Senders  []sms.Sender // our own numbers
	URL      string       // by which Sinch reaches the listener
	Listener net.Listener
	Only     []int // numbers of assumptions; empty: all
	Skip     []int
	Waits    Waits
}

// A Run is one check under way.
type Run struct {
	check  Check
	client *sinch.Client
	watch  *watch
	app    sinch.App
	hooks  []sinch.Webhook // that the app has already
	target string          // the URL of our own webhook
	steps  []step

	person   Person
	inbox    *inbox
	begun    time.Time
	results  map[int]Result
	readings map[string]any
	answers  []Answer
	text     sent // of the step text
	failing  bool // that text was not delivered
}

// Prepare looks at the app and its webhooks, and changes nothing.
func Prepare(ctx context.Context, check Check) (*Run, error) {
	if slices.Contains(check.Senders, sms.Sender(check.To)) {
		return nil, errors.New("the phone's number is one of SINCH_SMS_SENDER: give the number of a phone in your hand")
	}
	base, err := url.Parse(check.URL)
	if err != nil || base.Host == "" {
		return nil, errors.New("the URL must be a whole one, of a tunnel that leads here: https://…")
	}
	r := &Run{
		check: check, watch: &watch{}, target: base.JoinPath("live-check").String(),
		results: map[int]Result{}, readings: map[string]any{},
	}
	if err := r.choose(); err != nil {
		return nil, err
	}
	check.Sinch.Transport = func(next http.RoundTripper) http.RoundTripper {
		r.watch.next = next
		return r.watch
	}
	if r.client, err = sinch.NewClient(check.Sinch); err != nil {
		return nil, err
	}
	if r.app, err = r.client.App(ctx); err != nil {
		return nil, err
	}
	if r.hooks, err = r.client.ListWebhooks(ctx); err != nil {
		return nil, err
	}
	return r, r.room()
}

// Do registers a webhook, takes all steps and deletes the webhook again. It
// returns what is known even where it ends early, which the error then tells.
func (r *Run) Do(ctx context.Context, person Person) (Report, error) {
	r.person, r.begun = person, time.Now()
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	secret, proof := rand.Text()+rand.Text(), rand.Text()
	r.inbox = newInbox(ended, r.check.Sinch.AppID, r.check.To, secret, proof)
	server := &http.Server{Handler: r.inbox, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(r.check.Listener) // it ends below
	}()
	defer func() {
		end()
		_ = server.Close()
		<-served
	}()

	err := r.probe(ctx, secret)
	return r.report(), err
}

// probe takes the steps, with a webhook that is there as long as they last.
func (r *Run) probe(ctx context.Context, secret string) (err error) {
	if err := r.knock(ctx); err != nil {
		return err
	}
	hook, err := r.register(ctx, secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.unregister(ctx, hook)) }()
	for _, s := range r.steps {
		if ctx.Err() == nil {
			s.run(r, ctx)
		}
	}
	r.settlePassing(ctx)
	if ctx.Err() != nil {
		return errors.New("ended before all was asked")
	}
	return nil
}
