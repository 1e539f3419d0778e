package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/internal/health"
	"parley/internal/settings"
	"parley/internal/telemetry/metrics"
	"parley/sms"
)

// told is one call that reached the conversations.
type told struct {
	Verb    string // Tell, TellRunning or Queue
	ID      string // the conversation's workflow id
	Event   string // the envelope's id, or the idempotency key
	Inbound sms.Inbound
	Receipt sms.Receipt
	Send    wire.SendRequest
}

// fake is conversations that write down what they are told.
type fake struct {
	mutex sync.Mutex
	calls []told
	err   error
	state wire.State
}

func (f *fake) Requested(ctx context.Context, contact sms.Number, sender sms.Sender, id string) (wire.Requested, bool, error) {
	found, known := f.state.Requested(id)
	return found, known, f.add(ctx, told{Verb: "Requested", ID: wire.ID(contact, sender)})
}

func (f *fake) Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	return f.event(ctx, "Tell", contact, sender, e)
}

func (f *fake) TellRunning(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	return f.event(ctx, "TellRunning", contact, sender, e)
}

func (f *fake) Queue(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r wire.SendRequest) error {
	return f.add(ctx, told{Verb: "Queue", ID: wire.ID(contact, sender), Event: id, Send: r})
}

func (f *fake) Tag(contact sms.Number) string { return contact.Masked() }

func (f *fake) event(ctx context.Context, verb string, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	t := told{Verb: verb, ID: wire.ID(contact, sender), Event: e.ID}
	var err error
	switch e.Kind {
	case wire.KindInbound:
		err = json.Unmarshal(e.Body, &t.Inbound)
	case wire.KindReceipt:
		err = json.Unmarshal(e.Body, &t.Receipt)
	default:
		err = errors.New("no event of the webhook's")
	}
	if err != nil {
		return err
	}
	return f.add(ctx, t)
}

func (f *fake) add(ctx context.Context, t told) error {
	if _, bounded := ctx.Deadline(); !bounded {
		panic("Temporal may take for ever")
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.err != nil {
		return f.err
	}
	f.calls = append(f.calls, t)
	return nil
}

const (
	secret         = "foo_secret1234"
	receiptsSecret = "bar_secret5678"
	sinchApp       = "01EB37HMH1M6SV18ABNS3G135H" // of most fixtures
	ourNumber      = "+12065550100"
)

var (
	signedAt = time.Date(2026, 2, 13, 9, 0, 0, 0, time.UTC)
	ourApp   = settings.SinchApp{AppID: sinchApp, SMSSender: []sms.Sender{ourNumber, "+12065550101"}}
)

// fixed are secrets that nobody replaces.
type fixed []string

func (f fixed) Get(context.Context) ([]string, error)   { return f, nil }
func (f fixed) Renew(context.Context) ([]string, error) { return f, nil }

func callbacks(f *fake) Callbacks {
	return Callbacks{
		Conversations: f,
		Secrets:       fixed{secret},
		Tolerance:     5 * time.Minute,
		App:           ourApp,
		Ready:         health.New(slog.New(slog.DiscardHandler), time.Now),
		Now:           func() time.Time { return signedAt },
		Log:           slog.New(slog.DiscardHandler),
		Counts:        uncounted,

		ReceiptsSecrets: fixed{receiptsSecret, "older"},
	}
}

// uncounted is for tests of anything else.
var uncounted = func() counts {
	c, err := newCounts(metrics.None().Meter)
	if err != nil {
		panic(err)
	}
	return c
}()

// reply is what a caller sees of an answer besides its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// ask sends a request and returns the answer, whose body is always a JSON object.
func ask(t *testing.T, h http.Handler, r *http.Request) (reply, map[string]any) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	raw := recorder.Body.Bytes()
	var body map[string]any
	require.NoError(t, json.Unmarshal(raw, &body), "%s", raw)
	require.Less(t, len(raw), 512)
	return reply{recorder.Code, recorder.Header()}, body
}
