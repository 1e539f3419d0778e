package livecheck

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// A step is one thing that happens, with all that it tells.
type step struct {
	name  string
	asks  []int    // numbers of assumptions
	sends []string // texts
	phone int      // texts that the person sends
	run   func(r *Run, ctx context.Context)
}

var steps = []step{
	{
		name: "text", sends: []string{textWords}, run: (*Run).sendText,
		asks: []int{
			receiptTime, listLag, listContent, refusedCallback, plusSign, otherForms, identityFilter, listOrder,
			submitOrder, correlation,
		},
	},
	{
		name: "reply", phone: 1, run: (*Run).takeReply,
		asks: []int{retrySchedule, retrySignature, callbackTimeout, correlation},
	},
	{name: "picture", phone: 1, run: (*Run).takePicture, asks: []int{captions}},
	{name: "long", phone: 1, run: (*Run).takeLongText, asks: []int{longTexts}},
	{name: "channel", run: (*Run).missChannel, asks: []int{missingChannel}},
	{name: "stop", sends: []string{afterStop}, phone: 2, run: (*Run).stop, asks: []int{networkStops}},
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

// choose keeps the assumptions that are asked for, and the steps that ask.
func (r *Run) choose() error {
	for _, n := range slices.Concat(r.check.Only, r.check.Skip) {
		if n < 1 || n > len(assumptions) {
			return fmt.Errorf("there is no assumption %d: docs/sinch.md numbers them from 1 to %d", n, len(assumptions))
		}
	}
	for _, a := range assumptions {
		if len(r.check.Only) > 0 && !slices.Contains(r.check.Only, a.number) || slices.Contains(r.check.Skip, a.number) {
			continue
		}
		why := a.why
		if why == "" {
			why = "its step was not reached"
		}
		r.results[a.number] = Result{Number: a.number, Assumption: a.words, Verdict: NotProbed, Fact: why}
	}
	for _, s := range steps {
		if slices.ContainsFunc(s.asks, r.open) {
			r.steps = append(r.steps, s)
		}
	}
	return nil
}

// mostWebhooks is how many an app can have.
const mostWebhooks = 5

// room makes sure that the app can have our webhook too.
func (r *Run) room() error {
	for _, hook := range r.hooks {
		if hook.Target == r.target {
			return fmt.Errorf("a check before left its webhook behind: run parley webhook delete %s", hook.ID)
		}
	}
	if len(r.hooks) >= mostWebhooks {
		return fmt.Errorf("the app has %d webhooks already, and can have no more: delete one, see parley webhook list", len(r.hooks))
	}
	return nil
}

// A Plan is what a Run will do.
type Plan struct {
	Steps      []string
	Texts      int // that are sent to the phone
	Segments   int // of those, which is what they cost
	PhoneTexts int // that the person is asked to send; a long one and a picture count more
	Webhooks   int // that get a copy of all callbacks
	Stops      bool
}

// Plan tells what Do will do.
func (r *Run) Plan() Plan {
	p := Plan{Webhooks: len(r.hooks)}
	for _, s := range r.steps {
		p.Steps = append(p.Steps, s.name)
		p.PhoneTexts += s.phone
		p.Stops = p.Stops || slices.Contains(s.asks, networkStops)
		for _, words := range s.sends {
			p.Texts++
			p.Segments += sms.SegmentsOf(words).Count
		}
	}
	return p
}

// Do registers the webhook, takes all steps and deletes the webhook again. It
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

	if err := r.knock(ctx); err != nil {
		return r.report(), err
	}
	hook, err := r.register(ctx, secret)
	if err != nil {
		return r.report(), err
	}
	for _, s := range r.steps {
		if ctx.Err() == nil {
			s.run(r, ctx)
		}
	}
	r.settlePassing(ctx)
	err = r.unregister(ctx, hook)
	if ctx.Err() != nil {
		err = errors.Join(errors.New("ended before all was asked"), err)
	}
	return r.report(), err
}

// knock makes sure that the URL leads here.
func (r *Run) knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.target, nil)
	if err != nil {
		return errors.New("the URL must be a whole one, of a tunnel that leads here: https://…")
	}
	address := r.check.Listener.Addr().String()
	response, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}).Do(request)
	if err != nil {
		return fmt.Errorf("the URL cannot be reached: does the tunnel run, and lead to %s?", address)
	}
	_ = response.Body.Close()
	if response.Header.Get(proofHeader) != r.inbox.proof {
		return fmt.Errorf("the URL leads somewhere else (it answered %d): have the tunnel lead to %s", response.StatusCode, address)
	}
	return nil
}

// cleanUp is how long the last calls may take, whatever ended the check.
const cleanUp = 15 * time.Second

// register makes the webhook. Ctrl-C does not end the call: nobody would know
// whether there is something to delete.
func (r *Run) register(ctx context.Context, secret string) (sinch.Webhook, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	hook, err := r.client.CreateWebhook(ctx, sinch.Webhook{Target: r.target, Secret: secret, Triggers: sinch.Triggers})
	if err == nil {
		return hook, nil
	}
	// It may have been made all the same.
	if hooks, unlisted := r.client.ListWebhooks(ctx); unlisted == nil {
		for _, hook := range hooks {
			if hook.Target == r.target {
				err = errors.Join(err, r.unregister(ctx, hook))
			}
		}
	}
	return sinch.Webhook{}, err
}

func (r *Run) unregister(ctx context.Context, hook sinch.Webhook) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	err := r.client.DeleteWebhook(ctx, hook.ID)
	if failed, ok := errors.AsType[*sinch.Error](err); ok && failed.Status == http.StatusNotFound {
		return nil // somebody else did
	}
	if err != nil {
		return fmt.Errorf("the check's own webhook is still there, run parley webhook delete %s: %w", hook.ID, err)
	}
	return nil
}

// key is an id of this check's for one thing.
func key() string { return "live-check-" + strings.ToLower(rand.Text()[:10]) }
