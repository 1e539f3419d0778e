package test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

// A gate stands between the worker and the carrier. It holds calls where a
// worker is to die, and remembers what was asked of the carrier.
type gate struct {
	carrier http.Handler
	mu      sync.Mutex
	holds   map[string]*hold
	posts   []post
}

// A post is one call to send, whatever the carrier made of it.
type post struct {
	at   time.Time
	to   sms.Number
	text string
	key  string
	ttl  string
}

// A hold is one call that is kept waiting before the carrier sees it. If the
// caller dies meanwhile, the carrier never does.
type hold struct {
	reached  chan struct{} // closed when the call is here, with all of its body
	free     chan struct{} // closed to let it go on
	answered chan struct{} // closed when the carrier's answer has left
}

// theToken names the call for an access token among the holds.
const theToken = "token"

// useGate starts the worker again, with a gate before the carrier.
func (w *world) useGate() *gate {
	w.T.Helper()
	g := &gate{carrier: w.Sim, holds: map[string]*hold{}}
	listener := httptest.NewServer(g)
	w.T.Cleanup(listener.Close)
	w.Settings["SINCH_API_URL"], w.Settings["SINCH_AUTH_URL"] = listener.URL, listener.URL
	w.Worker.Kill()
	w.StartWorker()
	return g
}

// hold keeps the next call waiting: the one for a token, or the send to a number.
func (g *gate) hold(of string) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := &hold{reached: make(chan struct{}), free: make(chan struct{}), answered: make(chan struct{})}
	g.holds[of] = h
	return h
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller died in the middle
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := g.take(r, body)
	if h == nil {
		g.carrier.ServeHTTP(w, r)
		return
	}
	close(h.reached)
	select {
	case <-h.free:
	case <-r.Context().Done():
		return
	}
	g.carrier.ServeHTTP(w, r)
	_ = http.NewResponseController(w).Flush()
	close(h.answered)
}

// take notes what is asked, and finds out whether somebody wants it held.
func (g *gate) take(r *http.Request, body []byte) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := ""
	switch {
	case strings.HasSuffix(r.URL.Path, "/oauth2/token"):
		of = theToken
	case strings.HasSuffix(r.URL.Path, "/messages:send"):
		p := readPost(body)
		p.at = time.Now()
		g.posts = append(g.posts, p)
		of = string(p.to)
	}
	h := g.holds[of]
	delete(g.holds, of)
	return h
}

func readPost(body []byte) post {
	var asked struct {
		Recipient struct {
			IdentifiedBy struct {
				Identities []struct {
					Identity sms.Number `json:"identity"`
				} `json:"channel_identities"`
			} `json:"identified_by"`
		} `json:"recipient"`
		Message struct {
			Text struct {
				Text string `json:"text"`
			} `json:"text_message"`
		} `json:"message"`
		Metadata string `json:"message_metadata"`
		TTL      string `json:"ttl"`
	}
	if json.Unmarshal(body, &asked) != nil || len(asked.Recipient.IdentifiedBy.Identities) == 0 {
		return post{}
	}
	return post{to: asked.Recipient.IdentifiedBy.Identities[0].Identity, text: asked.Message.Text.Text, key: asked.Metadata, ttl: asked.TTL}
}

// asked are the calls to send to a number, in order.
func (g *gate) asked(number sms.Number) []post {
	g.mu.Lock()
	defer g.mu.Unlock()
	var posts []post
	for _, p := range g.posts {
		if p.to == number {
			posts = append(posts, p)
		}
	}
	return posts
}

// A line is a worker's way to Temporal. Once it is cut, nothing that the worker
// says arrives, and neither side is told.
type line struct {
	address string
	silent  atomic.Bool
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{address: listener.Addr().String()}
	go func() {
		for {
			worker, err := listener.Accept()
			if err != nil {
				return
			}
			go l.connect(t.Context(), worker, server)
		}
	}()
	return l
}

func (l *line) connect(ctx context.Context, worker net.Conn, server string) {
	defer func() { _ = worker.Close() }()
	temporal, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = temporal.Close() }()
	go func() {
		_, _ = io.Copy(worker, temporal)
		_ = worker.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := worker.Read(buffer)
		if err != nil {
			return // the worker is gone, and the server is told so
		}
		if l.silent.Load() {
			continue
		}
		if _, err := temporal.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (l *line) cut() { l.silent.Store(true) }
