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

	for name, test := range map[string]struct {
		fails error
		until time.Duration // from now
		sends int
		want  string // type of the error
	}{
		"taken":                       {sends: 1},
		"refused before it was taken": {fails: &sms.SendError{Doubt: sms.NotTaken, RetryAfter: time.Hour}, sends: 1, want: wire.SendNotTaken},
		"refused for good":            {fails: &sms.SendError{Doubt: sms.Refused, Code: "NOT_FOUND"}, sends: 1, want: wire.SendRefused},
		"in doubt":                    {fails: &sms.SendError{Doubt: sms.Ambiguous}, sends: 1, want: wire.SendAmbiguous},
		"an error nobody knows":       {fails: errors.New("what?"), sends: 1, want: wire.SendAmbiguous},
		"denied":                      {fails: &sms.SendError{Doubt: sms.Denied}, sends: 1, want: wire.SendDenied},
		"too late":                    {until: -time.Second, want: wire.SendTooLate},
		"in time":                     {until: time.Minute, sends: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			in := wire.SendInput{Message: sms.Outbound{Key: "k"}}
			now := time.Now()
			if test.until != 0 {
				in.Until = now.Add(test.until)
			}
			c := &carrier{send: test.fails}
			got, err := run[sms.Accepted](t, (&activities.Messaging{Carrier: c, Now: func() time.Time { return now }}).SendMessage, in)
			require.Len(t, c.sent, test.sends)
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, "new", got.MessageID)
				return
			}
			failed(t, err, test.want)
		})
	}
}

func TestFindMessage(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]carrier{
		"found":             {finding: sms.Finding{Accepted: &sms.Accepted{MessageID: "found"}}},
		"certainly absent":  {finding: sms.Finding{Certain: true}},
		"not known":         {},
		"the look fails":    {find: errors.New("unavailable")},
		"not at the moment": {find: &sms.SendError{Doubt: sms.NotTaken, Code: "429", RetryAfter: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, err := run[sms.Finding](t, (&activities.Messaging{Carrier: &c}).FindMessage, sms.Search{Keys: []string{"k"}})
			require.Empty(t, c.sent)
			if c.find != nil {
				failed(t, err, wire.SendNotTaken)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.finding, got)
		})
	}
}

// failed requires an error of a type, which the server does not retry.
func failed(t *testing.T, err error, errType string) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, errType, app.Type())
	require.True(t, app.NonRetryable(), "it is the conversation that decides about another try")
}

func TestTheArticlesReply(t *testing.T) {
	t.Parallel()

	responder := &activities.Responder{}
	decision, err := run[wire.Decision](t, responder.HandleInboundMessage, activities.Turn{Kind: sms.KindText, Text: `Say "hi" ✓`})
	require.NoError(t, err)
	require.Equal(t, `Thanks for your message! You said: "Say "hi" ✓"`, decision.Reply)

	decision, err = run[wire.Decision](t, responder.HandleInboundMessage, activities.Turn{Kind: sms.KindMedia, Text: "https://example.com/cat"})
	require.NoError(t, err)
	require.Equal(t, wire.Decision{}, decision, "silent about what is no text")
}

func TestResponderURL(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		status int
		body   string
		want   wire.Decision
		fails  string
		says   string
	}{
		"a reply":             {status: 200, body: `{"reply":"Hello!","more":1}`, want: wire.Decision{Reply: "Hello!"}},
		"a script":            {status: 200, body: `{"start":{"script":"Feedback","input":{"contact":"+15559876543"}}}`, want: wire.Decision{Start: &wire.Starting{Script: "Feedback", Input: json.RawMessage(`{"contact":"+15559876543"}`)}}},
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
			got, err := run[wire.Decision](t, responder.HandleInboundMessage, activities.Turn{ID: "turn-1", Kind: sms.KindText, Text: "hi"})
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
	_, err := run[wire.Decision](t, responder.HandleInboundMessage, activities.Turn{ID: "turn-1", Kind: sms.KindText})
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
		_, err := run[wire.Decision](t, (&activities.Responder{Hook: hook}).HandleInboundMessage, turn)
		require.NoError(t, err)
	}
	services := activities.Services{wire.HookOutcome: activities.Posted{Hook: hook, Setting: "PARLEY_OUTCOME_URL"}}
	_, err := run[any](t, services.TellService, wire.Errand{Hook: wire.HookOutcome, ID: "run-1/confirmed", Body: json.RawMessage(`{"outcome":"confirmed"}`)})
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

// TestTypes: the server calls an activity by its method's name.
func TestTypes(t *testing.T) {
	t.Parallel()
	_, found := reflect.TypeFor[*activities.Messaging]().MethodByName(wire.SendMessageType)
	require.True(t, found)
	_, found = reflect.TypeFor[*activities.Responder]().MethodByName(activities.HandleInboundMessageType)
	require.True(t, found)
	_, found = reflect.TypeFor[activities.Services]().MethodByName(wire.TellServiceActivity)
	require.True(t, found)
}
