package sinchtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"parley/sms"
	"parley/sms/numbers"
)

// The identifiers of Sinch's own samples, used where Options names none.
const (
	DefaultProjectID = "c36f3d3d-1523-4edd-ae42-11995557ff61"
	DefaultAppID     = "01EB37HMH1M6SV18ABNS3G135H"
	DefaultSender    = sms.Sender("+12065550100")
)

// A Mode is how a Sinch app processes messages.
type Mode string

// Sinch documents DISPATCH as the default of new apps. In it there are neither
// contacts nor conversations, and their ids arrive as empty strings.
const (
	Conversation Mode = "CONVERSATION"
	Dispatch     Mode = "DISPATCH"
)

// Options describe the Sinch account that a Server plays. The zero value is an
// app in CONVERSATION mode with one number, which accepts any key and secret.
type Options struct {
	ProjectID string
	AppID     string
	Senders   []sms.Sender // our numbers; the first is the app's default originator
	Mode      Mode

	// DispatchRetentionDays is how long messages are stored in DISPATCH mode.
	// With 0, Sinch's default, nothing is stored and the message list is empty.
	DispatchRetentionDays int

	// AccessKey and AccessSecret are what the token endpoint accepts; anything
	// if empty.
	AccessKey, AccessSecret string
	TokenLifetime           time.Duration // default: an hour, as Sinch documents

	// Webhooks exist from the start, without having been created over the API.
	Webhooks []Webhook
	// CallbackURLSecret signs the callbacks of messages that name a callback_url.
	CallbackURLSecret string

	// Delays of the callbacks that follow a send. With zeros they come as soon
	// as the send is answered, one after the other.
	Delays Delays

	// RetryScale stretches or shortens the pauses between tries of a callback:
	// 5, 10, 20 … 81,920 seconds times RetryScale. Default 1.
	RetryScale float64
	// CallbackTimeout is how long a webhook may take to answer. Default 15 s.
	CallbackTimeout time.Duration
	// CallbacksPerSecond bounds callbacks, as an app's webhooks rate limit does; 0: no bound.
	CallbacksPerSecond float64

	Readings Readings // of what Sinch leaves open
	Faults   Faults
	Seed     uint64 // of the dice behind the fault rates; 0: a different one each time

	Logger *slog.Logger     // default: silent
	Now    func() time.Time // default: time.Now
}

// Delays say when the callbacks of a send come, each counted from the one before.
type Delays struct {
	Submit    time.Duration
	OnChannel time.Duration
	Final     time.Duration
}

// A Server plays Sinch and the phones. Create it with New and Close it.
type Server struct {
	opts    Options
	log     *slog.Logger
	mux     http.Handler
	client  *http.Client
	limiter *rate.Limiter
	dice    *dice

	ctx   context.Context // ends with Close
	close context.CancelFunc
	work  sync.WaitGroup // everything that Close waits for

	readings atomic.Pointer[Readings]

	tokenKey []byte // signs access tokens
	boot     string // names this server in event ids, so that a page notices a restart

	mu         sync.Mutex
	closed     bool
	tokenEpoch int // tokens of earlier epochs have expired
	faults     Faults
	attempts   []*Attempt
	webhooks   []Webhook
	phones     map[sms.Number]*phone
	order      []sms.Number // of phones, by first appearance
	byID       map[string]*record
	sent       []*record // accepted sends, in order
	inbound    []*record // texts from phones, in order
	foreign    int       // receipts with foreign metadata so far
	stored     []*record // what the message list knows, in order
	contacts   []*contact
	dialogues  []*dialogue
	acks       int // inbound messages acknowledged so far
	stats      Stats
	version    int64         // counts changes
	changes    []change      // the latest ones, for live updates
	changed    chan struct{} // closed and replaced at every change
}

// New returns a Server that is ready to serve. It panics if opts.Faults or
// opts.Readings make no sense, see their methods Check.
func New(opts Options) *Server {
	opts.ProjectID = cmp.Or(opts.ProjectID, DefaultProjectID)
	opts.AppID = cmp.Or(opts.AppID, DefaultAppID)
	opts.Mode = cmp.Or(opts.Mode, Conversation)
	opts.TokenLifetime = cmp.Or(opts.TokenLifetime, time.Hour)
	opts.RetryScale = cmp.Or(opts.RetryScale, 1)
	opts.CallbackTimeout = cmp.Or(opts.CallbackTimeout, 15*time.Second)
	var senders []sms.Sender
	for _, sender := range opts.Senders {
		if sender = numbers.ParseSender(strings.TrimSpace(string(sender))); sender != "" {
			senders = append(senders, sender)
		}
	}
	if len(senders) == 0 {
		senders = []sms.Sender{DefaultSender}
	}
	opts.Senders = senders
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		opts: opts, log: opts.Logger, dice: newDice(opts.Seed), limiter: rate.NewLimiter(rate.Inf, 1),
		ctx: ctx, close: cancel,
		tokenKey: randomBytes(32), boot: newID(opts.Now())[10:18],
		phones:  map[sms.Number]*phone{},
		byID:    map[string]*record{},
		changed: make(chan struct{}),
		stats:   Stats{Answers: map[string]int{}, CallbackAnswers: map[string]int{}},
	}
	if opts.CallbacksPerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(opts.CallbacksPerSecond), max(1, int(opts.CallbacksPerSecond)))
	}
	// Many callbacks go to one host at once: without idle connections to
	// spare, a soak test would use up the ports of the machine.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 512, 512
	s.client = &http.Client{
		Transport: transport,
		Timeout:   opts.CallbackTimeout,
		// A webhook answers; it does not send the carrier elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, hook := range opts.Webhooks {
		s.webhooks = append(s.webhooks, s.complete(hook))
	}
	s.SetFaults(opts.Faults)
	s.SetReadings(opts.Readings)
	s.mux = s.routes()
	return s
}

// Close ends callbacks, retries and held requests, and waits for them. Call it
// before the HTTP server's own Close, which waits for requests.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.close()
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// goWork runs f unless the server is closing, and reports whether it does; Close
// waits for it.
func (s *Server) goWork(f func()) (started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// sleep waits, and reports whether the server is still open.
func (s *Server) sleep(d time.Duration) bool {
	if d <= 0 {
		return s.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.sinchRoutes(mux)
	s.ourRoutes(mux)
	mux.Handle("/", pageHandler())

	// A page on another site must not text, or turn on an outage, through
	// the browser of somebody who runs the simulator.
	return http.NewCrossOriginProtection().Handler(mux)
}

// sinchRoutes are what Sinch has.
func (s *Server) sinchRoutes(mux *http.ServeMux) {
	mux.Handle("POST /oauth2/token", s.counted(OnToken, s.available(s.faulty(OnToken, s.token))))
	api := func(pattern string, on Operation, handler http.HandlerFunc) {
		mux.Handle(pattern, s.counted(on, s.available(s.checked(s.faulty(on, handler)))))
	}
	// The faults of a send depend on whom it is for, so its handler sees to them.
	mux.Handle("POST /v1/projects/{project}/messages:send", s.counted(OnSend, s.noted(s.available(s.checked(s.send)))))
	api("GET /v1/projects/{project}/messages", OnList, s.list)
	api("GET /v1/projects/{project}/messages/{id}", OnList, s.message)
	api("DELETE /v1/projects/{project}/messages/{id}", OnDelete, s.deleteMessage)
	api("GET /v1/projects/{project}/contacts", OnContacts, s.listContacts)
	api("GET /v1/projects/{project}/contacts/{id}", OnContacts, s.getContact)
	api("DELETE /v1/projects/{project}/contacts/{id}", OnDelete, s.deleteContact)
	api("GET /v1/projects/{project}/conversations", OnConversations, s.listConversations)
	api("GET /v1/projects/{project}/conversations/{id}", OnConversations, s.getConversation)
	api("DELETE /v1/projects/{project}/conversations/{id}", OnDelete, s.deleteConversation)
	api("GET /v1/projects/{project}/apps", OnApp, s.apps)
	api("GET /v1/projects/{project}/apps/{app}", OnApp, s.app)
	api("POST /v1/projects/{project}/webhooks", OnWebhooks, s.createWebhook)
	api("GET /v1/projects/{project}/apps/{app}/webhooks", OnWebhooks, s.listWebhooks)
	api("GET /v1/projects/{project}/webhooks/{id}", OnWebhooks, s.getWebhook)
	api("PATCH /v1/projects/{project}/webhooks/{id}", OnWebhooks, s.patchWebhook)
	api("DELETE /v1/projects/{project}/webhooks/{id}", OnWebhooks, s.deleteWebhook)
	mux.HandleFunc("/v1/", s.dated(noSuchRoute(mux)))

	mux.HandleFunc(elsewhere, s.redirected)
}

// ourRoutes are the other side: phones, faults, and what happened.
func (s *Server) ourRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /phones", s.listPhones)
	mux.HandleFunc("POST /phones", s.addPhone)
	mux.HandleFunc("GET /phones/{number}/messages", s.phoneMessages)
	mux.HandleFunc("POST /phones/{number}/messages", s.textFromPhone)
	mux.HandleFunc("GET /log", s.messageLog)
	mux.HandleFunc("GET /stats", s.showStats)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /segments", s.segments)
	mux.HandleFunc("GET /faults", s.getFaults)
	mux.HandleFunc("PUT /faults", s.putFaults)
	mux.HandleFunc("PATCH /faults", s.patchFaults)
	mux.HandleFunc("GET /readings", s.getReadings)
	mux.HandleFunc("PUT /readings", s.putReadings)
	mux.HandleFunc("PATCH /readings", s.patchReadings)
	mux.HandleFunc("GET /attempts", s.listAttempts)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Stats count what a Server has done.
type Stats struct {
	Sent            int            `json:"sent"`             // accepted sends
	Inbound         int            `json:"inbound"`          // texts from phones
	Acknowledged    int            `json:"acknowledged"`     // of those, answered 2xx by every webhook
	Open            int            `json:"open"`             // sends and callbacks that are still under way
	Redirected      int            `json:"redirected"`       // requests that followed a fault's redirect: there should be 0
	CallbackTries   int            `json:"callback_tries"`   // HTTP requests to webhooks
	Answers         map[string]int `json:"answers"`          // of Sinch's API, by Operation and status: "send 200", "send reset"
	CallbackAnswers map[string]int `json:"callback_answers"` // of webhooks, by status, or "error"
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Answers, stats.CallbackAnswers = maps.Clone(stats.Answers), maps.Clone(stats.CallbackAnswers)
	return stats
}

func (s *Server) count(on Operation, status int) {
	answer := string(on) + " " + strconv.Itoa(status)
	if status <= 0 {
		answer = string(on) + " reset"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Answers[answer]++
	s.wake()
}

func (s *Server) showStats(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Stats())
}

// Senders returns our numbers, the default one first.
func (s *Server) Senders() []sms.Sender { return append([]sms.Sender(nil), s.opts.Senders...) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return b
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newID returns a ULID, the form of Sinch's ids: 48 bits of time and 80 of chance.
func newID(now time.Time) string {
	b := append(make([]byte, 10), randomBytes(10)...)
	for i, ms := 0, now.UnixMilli(); i < 6; i++ {
		b[4+i] = byte(ms >> (8 * (5 - i)) & 0xff)
	}
	// A ULID pads its 128 bits in front to 26 characters, base32 at the end;
	// with four zero bytes before, 160 bits are 32 characters without any padding.
	return crockford.EncodeToString(b)[6:]
}
