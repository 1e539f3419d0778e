package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

// run runs an activity as a worker does, and decodes its result.
func run[T any](t *testing.T, activity any, args ...any) (T, error) {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(activity)
	var result T
	value, err := env.ExecuteActivity(activity, args...)
	if err == nil && value.HasValue() {
		require.NoError(t, value.Get(&result))
	}
	return result, err
}

// carrier answers as the test wants.
type carrier struct {
	sent    []sms.Outbound
	send    error
	finding sms.Finding
	find    error
}

func (c *carrier) Send(_ context.Context, m sms.Outbound) (sms.Accepted, error) {
	c.sent = append(c.sent, m)
	return sms.Accepted{MessageID: "new"}, c.send
}

func (c *carrier) Find(context.Context, sms.Search) (sms.Finding, error) { return c.finding, c.find }

func TestSendMessage(t *testing.T) {
	t.Parallel()

	found := sms.Finding{Accepted: &sms.Accepted{MessageID: "found"}}
	refused := &sms.SendError{Doubt: sms.Refused, Code: "NOT_FOUND"}
	for name, test := range map[string]struct {
		carrier carrier
		look    bool
		park    bool
		settle  bool
		until   time.Duration // from now
		sends   int
		id      string
		fails   string // type of the error
		final   bool   // it must not be retried by the server
	}{
		"taken":                        {sends: 1, id: "new"},
		"refused before it was taken":  {carrier: carrier{send: &sms.SendError{Doubt: sms.NotTaken, RetryAfter: time.Hour}}, sends: 1, fails: wire.SendNotTaken},
		"refused for good":             {carrier: carrier{send: refused}, sends: 1, fails: wire.SendRefused, final: true},
		"in doubt":                     {carrier: carrier{send: &sms.SendError{Doubt: sms.Ambiguous}}, sends: 1, fails: wire.SendAmbiguous, final: true},
		"an error nobody knows":        {carrier: carrier{send: errors.New("what?")}, sends: 1, fails: wire.SendAmbiguous, final: true},
		"looked for and found":         {carrier: carrier{finding: found}, look: true, id: "found"},
		"looked for, certainly absent": {carrier: carrier{finding: sms.Finding{Certain: true}}, look: true, park: true, sends: 1, id: "new"},
		"nobody can know, resend":      {look: true, sends: 1, id: "new"},
		"sent often enough":            {carrier: carrier{finding: sms.Finding{Certain: true}}, look: true, settle: true, fails: wire.SendUnknown, final: true},
		"nobody can know, park":        {look: true, park: true, fails: wire.SendUnknown, final: true},
		"denied":                       {carrier: carrier{send: &sms.SendError{Doubt: sms.Denied}}, sends: 1, fails: wire.SendDenied, final: true},
		"too late":                     {until: -time.Second, fails: wire.SendTooLate, final: true},
		"in time":                      {until: time.Minute, sends: 1, id: "new"},
		"the look fails":               {carrier: carrier{find: errors.New("unavailable")}, look: true, fails: wire.SendNotTaken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			in := wire.SendInput{Message: sms.Outbound{Key: "k"}, Park: test.park, Settle: test.settle}
			if test.look {
				in.Look = &sms.Search{Keys: []string{"k"}}
			}
			now := time.Now()
			if test.until != 0 {
				in.Until = now.Add(test.until)
			}
			c := test.carrier
			got, err := run[sms.Accepted](t, (&activities.Messaging{Carrier: &c, Now: func() time.Time { return now }}).SendMessage, in)
			require.Len(t, c.sent, test.sends)
			if test.fails == "" {
				require.NoError(t, err)
				require.Equal(t, test.id, got.MessageID)
				require.Equal(t, test.id == "found", got.Found)
				return
			}
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, test.fails, app.Type())
			require.Equal(t, test.final, app.NonRetryable())
			require.LessOrEqual(t, app.NextRetryDelay(), 2*time.Minute, "a carrier may ask for hours")
		})
	}
}

func TestTheArticlesReply(t *testing.T) {
	t.Parallel()

	responder := &activities.Responder{}
	decision, err := run[activities.Decision](t, responder.HandleInboundMessage, activities.Turn{Kind: sms.KindText, Text: `Say "hi" ✓`})
	require.NoError(t, err)
	require.Equal(t, `Thanks for your message! You said: "Say "hi" ✓"`, decision.Reply)

	decision, err = run[activities.Decision](t, responder.HandleInboundMessage, activities.Turn{Kind: sms.KindMedia, Text: "https://example.com/cat"})
	require.NoError(t, err)
	require.Equal(t, activities.Decision{}, decision, "silent about what is no text")
}

func TestResponderURL(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		status int
		body   string
		want   activities.Decision
		fails  string
		says   string
	}{
		"a reply":             {status: 200, body: `{"reply":"Hello!","more":1}`, want: activities.Decision{Reply: "Hello!"}},
		"a script":            {status: 200, body: `{"start":{"script":"Feedback","input":{"contact":"+15559876543"}}}`, want: activities.Decision{Start: &activities.Start{Script: "Feedback", Input: json.RawMessage(`{"contact":"+15559876543"}`)}}},
		"nothing":             {status: 200, body: `{}`},
		"no content":          {status: 204},
		"no JSON":             {status: 200, body: `Hello!`, fails: activities.ErrTypeBadAnswer, says: "not a decision"},
		"a script of no name": {status: 200, body: `{"start":{}}`, fails: activities.ErrTypeBadAnswer, says: `without "script"`},
		"an error of its own": {status: 500, body: `oh`, fails: activities.ErrTypeBadAnswer, says: "HTTP 500"},
		"not found":           {status: 404, fails: activities.ErrTypeBadAnswer, says: "HTTP 404"},
		"elsewhere":           {status: 302, fails: activities.ErrTypeBadAnswer, says: "HTTP 302"},
		"away":                {status: 503, fails: activities.ErrTypeUnreachable, says: "HTTP 503"},
		"too much":            {status: 200, body: strings.Repeat("x", 70000), fails: activities.ErrTypeUnreachable, says: "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Error("a redirect was followed")
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			responder := &activities.Responder{Hook: activities.Hook{URL: server.URL + "/?token=private"}}
			got, err := run[activities.Decision](t, responder.HandleInboundMessage, activities.Turn{ID: "turn-1", Kind: sms.KindText, Text: "hi"})
			if test.fails == "" {
				require.NoError(t, err)
				require.Equal(t, test.want, got)
				return
			}
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, test.fails, app.Type())
			require.Contains(t, app.Message(), test.says)
			require.NotContains(t, err.Error(), "private")
		})
	}
}

func TestResponderCannotBeReached(t *testing.T) {
	t.Parallel()

	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	responder := &activities.Responder{Hook: activities.Hook{URL: server.URL + "/?token=private"}}
	_, err := run[activities.Decision](t, responder.HandleInboundMessage, activities.Turn{ID: "turn-1", Kind: sms.KindText})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ErrTypeUnreachable, app.Type())
	require.NotContains(t, err.Error(), "private")
}

// What is posted to the user's own services is signed, and carries the same
// idempotency key each time.
func TestHooksAreSigned(t *testing.T) {
	t.Parallel()

	type request struct {
		header http.Header
		body   []byte
	}
	var got []request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, request{r.Header, body})
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	hook := activities.Hook{URL: server.URL, Secret: "a secret of ours"}

	turn := activities.Turn{ID: "turn-1", From: "+15559876543", Kind: sms.KindText, Text: "hi", Transcript: []wire.Line{}}
	for range 2 {
		_, err := run[activities.Decision](t, (&activities.Responder{Hook: hook}).HandleInboundMessage, turn)
		require.NoError(t, err)
	}
	_, err := run[any](t, (&activities.Outcomes{Hook: hook}).RecordOutcome, activities.Outcome{ID: "run-1/confirmed", Script: "S", Reference: "A-17", Outcome: "confirmed", Result: json.RawMessage(`{}`)})
	require.NoError(t, err)

	verifier, err := standardwebhooks.NewWebhookRaw([]byte(hook.Secret))
	require.NoError(t, err)
	require.Len(t, got, 3)
	for _, r := range got {
		require.NoError(t, verifier.Verify(r.body, r.header))
		require.Equal(t, "application/json", r.header.Get("Content-Type"))
		require.Equal(t, r.header.Get("Webhook-Id"), r.header.Get("Idempotency-Key"))
	}
	require.Equal(t, "turn-1", got[0].header.Get("Idempotency-Key"))
	require.Equal(t, "turn-1", got[1].header.Get("Idempotency-Key"))
	require.Contains(t, got[2].header.Get("Idempotency-Key"), "confirmed")
	var posted activities.Turn
	require.NoError(t, json.Unmarshal(got[0].body, &posted))
	require.Equal(t, turn, posted)
}

func TestRecordOutcome(t *testing.T) {
	t.Parallel()

	_, err := run[any](t, (&activities.Outcomes{}).RecordOutcome, activities.Outcome{})
	require.NoError(t, err, "without a URL the workflow's result is the record")

	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, err = run[any](t, (&activities.Outcomes{Hook: activities.Hook{URL: server.URL}}).RecordOutcome, activities.Outcome{})
	require.ErrorContains(t, err, "HTTP 404")
}

// TestTypes: the server calls an activity by its method's name.
func TestTypes(t *testing.T) {
	t.Parallel()
	_, found := reflect.TypeFor[*activities.Messaging]().MethodByName(wire.SendMessageType)
	require.True(t, found)
	_, found = reflect.TypeFor[*activities.Responder]().MethodByName(activities.HandleInboundMessageType)
	require.True(t, found)
}
