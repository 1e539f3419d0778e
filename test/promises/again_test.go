package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/test/e2e"
)

// heard is a responder that notes the texts it is given, and answers one of them.
type heard struct {
	mu      sync.Mutex
	texts   []string
	answers string
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var turn activities.Turn
	_ = json.NewDecoder(r.Body).Decode(&turn)
	var decision wire.Decision
	h.mu.Lock()
	defer h.mu.Unlock()
	for text := range strings.SplitSeq(turn.Text, "\n") {
		h.texts = append(h.texts, text)
		if text == h.answers {
			decision.Reply = "Heard: " + text
		}
	}
	_ = json.NewEncoder(w).Encode(decision)
}

func (h *heard) times(text string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.texts {
		if t == text {
			n++
		}
	}
	return n
}

// Sinch brings a callback again for hours if it did not hear our answer. By then
// the same number may have sent a great deal more.
func TestACallbackComesAgainAfterManyOthers(t *testing.T) {
	promise(t, "a callback that comes again within 24 hours counts once, whatever the number wrote between",
		"once a conversation has continued as new, it knows the last 500 callbacks, however new they are")

	const others = 600
	responder := &heard{answers: "last"}
	server := httptest.NewServer(responder)
	t.Cleanup(server.Close)
	w := e2e.New(t, e2e.Setting("PARLEY_RESPONDER_URL", server.URL),
		e2e.Setting("PARLEY_TEXTS_PER_HOUR", "10000"), e2e.Setting("PARLEY_CONTINUE_AFTER", "200"))

	began := time.Now()
	post := func(id, text string, at time.Time) {
		if status := w.Post(e2e.Inbound(id, guest, e2e.Ours, text, at)); status != 200 {
			t.Errorf("%s: %d", id, status)
		}
	}
	post("message-first", "first", began)
	w.Eventually("the responder has it", func() bool { return responder.times("first") == 1 })
	var all sync.WaitGroup
	const atOnce = 8
	for lane := range atOnce {
		all.Go(func() {
			for i := lane; i < others; i += atOnce {
				post(fmt.Sprint("message-", i), fmt.Sprint("other ", i), began.Add(time.Duration(i+1)*time.Millisecond))
			}
		})
	}
	all.Wait()
	w.Eventually("nothing waits", func() bool {
		s := w.State(guest)
		return len(s.Inbox) == 0 && len(s.Backlog) == 0 && s.Turn == nil
	})

	require.Positive(t, w.State(guest).Run, "a run's own server knows the callbacks of that run")

	post("message-first", "first", began)
	post("message-last", "last", began.Add(time.Minute))
	w.Receives(guest, "Heard: last")
	t.Logf("figures: after %d others the text counted %d times", others, responder.times("first"))
	require.Equal(t, 1, responder.times("first"), "times that the responder was given a text that came again after %d others", others)
}
