package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/test/e2e"
	"parley/workflows"
)

// service is the user's own: it decides on replies and is told outcomes.
type service struct {
	mu       sync.Mutex
	turns    []activities.Turn
	keys     []string
	outcomes []wire.ScriptOutcome
	busy     int // turns to answer 503 first
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/outcome" {
		var o wire.ScriptOutcome
		_ = json.NewDecoder(r.Body).Decode(&o)
		s.outcomes = append(s.outcomes, o)
		return
	}
	var turn activities.Turn
	_ = json.NewDecoder(r.Body).Decode(&turn)
	s.turns = append(s.turns, turn)
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	if len(s.turns) <= s.busy {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answer := wire.Decision{Reply: "Heard: " + turn.Text}
	switch turn.Text {
	case "rate us":
		answer = wire.Decision{Reply: "Gladly!", Start: &wire.Starting{Script: "Feedback", Input: json.RawMessage(feedback(turn.From, "the shop"))}}
	case "dance":
		answer = wire.Decision{Start: &wire.Starting{Script: "Conversation", Input: json.RawMessage(`{}`)}}
	case "nothing":
		answer = wire.Decision{}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func TestResponderOfTheUser(t *testing.T) {
	t.Parallel()

	own := &service{}
	server := httptest.NewServer(own)
	t.Cleanup(server.Close)
	w := newWorld(t, e2e.Setting("PARLEY_RESPONDER_URL", server.URL+"/turn"), e2e.Setting("PARLEY_OUTCOME_URL", server.URL+"/outcome"))

	w.Text(ana, "nothing")
	hello := w.Text(ana, "hello")
	w.Receives(ana, "Heard: hello")
	require.Equal(t, ana, own.turns[1].From)
	require.Equal(t, ours, own.turns[1].Sender)
	require.Equal(t, hello.ID, own.turns[1].MessageID)
	require.NotEmpty(t, own.turns[1].ConversationID)
	require.False(t, own.turns[1].Time.IsZero())
	require.Equal(t, "nothing", own.turns[1].Transcript[0].Text)

	wish := w.Text(ana, "rate us")
	w.Receives(ana, "Gladly!")
	w.Receives(ana, "How was your visit to the shop?")
	w.Text(ana, "5")
	w.Receives(ana, "glad you liked it")
	var result workflows.Rating
	require.NoError(t, w.Temporal.GetWorkflow(w.Ctx(), "text:"+wish.ID, "").Get(w.Ctx(), &result))
	require.Equal(t, "5", result.Stars)

	w.Text(ana, "dance") // not a script that may be started
	w.Eventually("it is parked", func() bool { return len(w.State(ana).Parked) == 1 })
	require.Contains(t, w.State(ana).Parked[0].Reason, `there is no script "Conversation"`)
	w.Text(ana, "still there?")
	w.Receives(ana, "Heard: still there?")

	run := w.Start("appointment:A-17", "AppointmentConfirmation", appointment(bob))
	w.Receives(bob, "Does that suit you?")
	w.Text(bob, "yes")
	require.NoError(t, run.Get(w.Ctx(), nil))
	require.Len(t, own.outcomes, 2)
	require.Equal(t, "completed", own.outcomes[0].Outcome)
	require.Equal(t, "A-17", own.outcomes[1].Reference)
	require.Equal(t, "confirmed", own.outcomes[1].Outcome)
}

// A worker that is told to stop while the responder thinks gives up in time to
// say so: the next worker asks again at once, not after the try's time is over.
func TestWorkerStopsWhileTheResponderThinks(t *testing.T) {
	t.Parallel()

	own := &service{}
	asked := make(chan struct{})
	var first sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		thinks := false
		first.Do(func() { thinks = true })
		if thinks {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
			close(asked)
			<-r.Context().Done()
			return
		}
		own.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, e2e.Setting("PARLEY_RESPONDER_URL", server.URL), e2e.Setting("PARLEY_RESPONDER_TRIES", "1s,1s,1h"))
	w.Text(ana, "hello")
	<-asked
	w.StopWorker()
	w.StartWorker()
	w.Receives(ana, "Heard: hello")
	var turn []wire.Message
	w.Eventually("the reply has left", func() bool { turn = w.State(ana).Transcript; return len(turn) == 2 })
	require.Less(t, turn[1].At.Sub(turn[0].At), activities.ResponderTimeout, "the interrupted try was reported")
}

// Texts that arrive while the responder is away join the next try.
func TestResponderIsAway(t *testing.T) {
	t.Parallel()

	own := &service{busy: 2}
	server := httptest.NewServer(own)
	t.Cleanup(server.Close)
	w := newWorld(t, e2e.Setting("PARLEY_RESPONDER_URL", server.URL), e2e.Setting("PARLEY_RESPONDER_TRIES", "5s,2s,1s"))
	w.Text(ana, "one")
	w.Text(ana, "two")
	m := w.Receives(ana, "Heard: one")
	require.Equal(t, "Heard: one\ntwo", m.Text)
	require.NotEqual(t, own.keys[0], own.keys[1], "with another text it is another turn")
	require.Equal(t, own.keys[1], own.keys[2], "the same turn has the same idempotency key")
}
