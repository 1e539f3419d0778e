package sinchtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"parley/sms"
	"parley/sms/numbers"
)

// An Attempt is one request to send, whatever became of it. A judge of what left
// us counts attempts: a text that was refused, or answered with an error, had
// left too.
type Attempt struct {
	// FirstByte is when the first byte of the request reached us: as its
	// connection was read if the server was given to [Watch], else once it was read.
	FirstByte time.Time  `json:"first_byte"`
	To        sms.Number `json:"to,omitempty"` // empty if the request could not be read
	Sender    sms.Sender `json:"sender,omitempty"`
	Text      string     `json:"text,omitempty"`
	Key       string     `json:"key,omitempty"`        // its message_metadata
	TTL       string     `json:"ttl,omitempty"`        // as it was written
	MessageID string     `json:"message_id,omitempty"` // if it was accepted, whether or not the sender was told
	Status    int        `json:"status"`               // the answer; 0 while there is none, -1 if there never was one
}

// Attempts returns all requests to send in the order of their first bytes, those
// to one phone if any is named.
func (s *Server) Attempts(to ...sms.Number) []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	var attempts []Attempt
	for _, a := range s.attempts {
		if len(to) == 0 || slices.Contains(to, a.To) {
			attempts = append(attempts, *a)
		}
	}
	slices.SortStableFunc(attempts, func(a, b Attempt) int { return a.FirstByte.Compare(b.FirstByte) })
	return attempts
}

// attempts is GET /attempts, with ?to=NUMBER those to one phone.
func (s *Server) listAttempts(w http.ResponseWriter, r *http.Request) {
	var to []sms.Number
	if written := r.URL.Query().Get("to"); written != "" {
		number, err := numbers.Parse(written)
		if err != nil {
			complain(w, err.Error())
			return
		}
		to = append(to, number)
	}
	attempts := s.Attempts(to...)
	if attempts == nil {
		attempts = []Attempt{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"attempts": attempts})
}

// ReadSend is what the body of a request to send asks for. It may be wrong in any way.
func ReadSend(body []byte) Attempt {
	a, identity := readSend(body)
	a.To, _ = numbers.Parse(identity)
	return a
}

func readSend(body []byte) (a Attempt, identity string) {
	var asked sendRequest
	if json.Unmarshal(body, &asked) == nil {
		a.Key, a.TTL, a.Sender = asked.MessageMetadata, asked.TTL, numbers.ParseSender(asked.ChannelProperties["SMS_SENDER"])
		if to := asked.Recipient; to != nil && to.IdentifiedBy != nil && len(to.IdentifiedBy.ChannelIdentities) > 0 {
			identity = to.IdentifiedBy.ChannelIdentities[0].Identity
		}
		_, a.Text, _ = readAppMessage(asked.Message)
	}
	return a, identity
}

// attempted notes a request to send.
func (s *Server) attempted(r *http.Request, body []byte) *Attempt {
	read, identity := readSend(body)
	a := &read
	a.FirstByte = firstByte(r.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	if reached, other := s.reached(identity); other {
		a.To = reached
	} else {
		a.To, _ = numbers.Parse(identity)
	}
	s.attempts = append(s.attempts, a)
	return a
}

type attemptKey struct{}

// taken notes that an attempt was accepted.
func (s *Server) taken(ctx context.Context, id string) {
	if a, ok := ctx.Value(attemptKey{}).(*Attempt); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		a.MessageID = id
	}
}

// ended notes how an attempt was answered.
func (s *Server) ended(a *Attempt, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Status = status; status == 0 {
		a.Status = statusReset
	}
	s.wake()
}

// Watch makes a server note when the first byte of each request arrives, and
// returns the listener to serve. Without it a request counts from when its
// headers and body were read.
func Watch(server *http.Server, listener net.Listener) net.Listener {
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, watchedKey{}, conn)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if watched, ok := conn.(*watchedConn); ok && state == http.StateIdle {
			watched.heard.Store(nil) // what comes now belongs to the next request
		}
	}
	return watchedListener{listener}
}

type watchedKey struct{}

type watchedListener struct{ net.Listener }

func (l watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn}, nil
}

// watchedConn notes when the first byte of the request under way was read.
type watchedConn struct {
	net.Conn
	heard atomic.Pointer[time.Time]
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.heard.Load() == nil {
		now := time.Now()
		c.heard.Store(&now)
	}
	return n, err
}

// firstByte is when a request began to arrive.
func firstByte(ctx context.Context) time.Time {
	if watched, ok := ctx.Value(watchedKey{}).(*watchedConn); ok {
		if at := watched.heard.Load(); at != nil {
			return *at
		}
	}
	return time.Now()
}
