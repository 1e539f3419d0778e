package sinchtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/sms"
)

// Faults are what can go wrong with a carrier. Rates lie between 0 (never) and
// 1 (always). The zero value is a carrier without faults.
type Faults struct {
	// Answers with an error status, before anything was accepted: by status.
	Errors      map[int]float64 `json:"errors,omitempty"`       // of sends
	ReadErrors  map[int]float64 `json:"read_errors,omitempty"`  // of the other calls: list, app, webhooks, …
	TokenErrors map[int]float64 `json:"token_errors,omitempty"` // of the token endpoint
	RetryAfter  Duration        `json:"retry_after,omitempty"`  // sent with 429 and 503, in whole seconds, if set

	// The message is accepted, and the sender cannot know it.
	AcceptThen500  float64  `json:"accept_then_500,omitempty"`
	AcceptThenHang float64  `json:"accept_then_hang,omitempty"` // no answer; the connection is cut after HangFor
	HangFor        Duration `json:"hang_for,omitempty"`         // default: until the client gives up
	ResetAfter     float64  `json:"reset_after,omitempty"`      // the connection is reset instead of an answer

	ResetBefore    float64  `json:"reset_before,omitempty"` // the connection is reset, nothing was accepted
	Slow           float64  `json:"slow,omitempty"`         // answered rightly, after SlowFor
	SlowFor        Duration `json:"slow_for,omitempty"`     // default 2s
	CallbacksFirst float64  `json:"callbacks_first,omitempty"`

	Callbacks CallbackFaults `json:"callbacks,omitzero"`

	Fail        float64               `json:"fail,omitempty"`         // delivery fails
	FailReason  string                `json:"fail_reason,omitempty"`  // default RECIPIENT_NOT_REACHABLE
	FailNumbers map[sms.Number]string `json:"fail_numbers,omitempty"` // delivery to these always fails, with this reason
	Receipts    Receipts              `json:"receipts,omitempty"`

	Outage bool `json:"outage,omitempty"` // API and token endpoint answer 503 until this is false again

	// ExpireTokens ends every access token handed out so far, once.
	ExpireTokens bool `json:"expire_tokens,omitempty"`

	// Next are faults for the next calls, used up in order, before any rate.
	Next []OneShot `json:"next,omitempty"`
}

// CallbackFaults are what can go wrong with callbacks.
type CallbackFaults struct {
	Duplicate float64  `json:"duplicate,omitempty"` // delivered again after the webhook answered 2xx
	Delay     float64  `json:"delay,omitempty"`     // comes DelayFor too late, so that later ones overtake it
	DelayFor  Duration `json:"delay_for,omitempty"` // default 2s
	Reverse   float64  `json:"reverse,omitempty"`   // the callbacks of a send come in reverse order
	Drop      float64  `json:"drop,omitempty"`      // never comes; inbound messages are never dropped
}

// Receipts says which callbacks follow a send.
type Receipts string

// Networks may never report a delivery, and a webhook may not be subscribed.
const (
	AllReceipts     Receipts = ""
	NoFinalReceipts Receipts = "no_final" // MESSAGE_SUBMIT and QUEUED_ON_CHANNEL only
	NoReceipts      Receipts = "off"
)

// A OneShot is a fault for the next calls of one kind.
type OneShot struct {
	Fault string     `json:"fault"`        // see the constants
	Times int        `json:"times"`        // default 1
	On    Operation  `json:"on,omitempty"` // send (default), or another of the constants
	To    sms.Number `json:"to,omitempty"` // only messages of this phone; for send and callback

	Status     int      `json:"status,omitempty"`      // of error (503) and accept_then_500 (500)
	RetryAfter Duration `json:"retry_after,omitempty"` // of error
	For        Duration `json:"for,omitempty"`         // how long to hang, be slow, or delay
	Reason     string   `json:"reason,omitempty"`      // of fail
}

// The faults a OneShot can name.
const (
	FaultError          = "error"           // any call: answered with Status, nothing accepted
	FaultSlow           = "slow"            // any call
	FaultResetBefore    = "reset_before"    // any call
	FaultResetAfter     = "reset_after"     // sends and deletes: done, but not answered
	FaultAcceptThen500  = "accept_then_500" // the rest: sends
	FaultAcceptThenHang = "accept_then_hang"
	FaultCallbacksFirst = "callbacks_first" // the callbacks come before the answer
	FaultReverse        = "reverse"         // the callbacks come in reverse order
	FaultFail           = "fail"            // delivery fails with Reason
	FaultNoReceipts     = "no_receipts"     // no callbacks for this message
	FaultDuplicate      = "duplicate"       // callbacks
	FaultDelay          = "delay"
	FaultDrop           = "drop"
)

// An Operation is a kind of call that a fault can be asked for.
type Operation string

// The operations. OnCallback is what the server calls itself.
const (
	OnSend          Operation = "send"
	OnList          Operation = "list"
	OnContacts      Operation = "contacts"
	OnConversations Operation = "conversations"
	OnDelete        Operation = "delete" // of messages, conversations and contacts
	OnApp           Operation = "app"
	OnWebhooks      Operation = "webhooks"
	OnToken         Operation = "token"
	OnCallback      Operation = "callback"
)

var faultsOf = map[Operation][]string{
	OnSend: {
		FaultError, FaultSlow, FaultResetBefore, FaultAcceptThen500, FaultAcceptThenHang,
		FaultResetAfter, FaultCallbacksFirst, FaultReverse, FaultFail, FaultNoReceipts,
	},
	OnList:          {FaultError, FaultSlow, FaultResetBefore},
	OnContacts:      {FaultError, FaultSlow, FaultResetBefore},
	OnConversations: {FaultError, FaultSlow, FaultResetBefore},
	OnDelete:        {FaultError, FaultSlow, FaultResetBefore, FaultResetAfter},
	OnApp:           {FaultError, FaultSlow, FaultResetBefore},
	OnWebhooks:      {FaultError, FaultSlow, FaultResetBefore},
	OnToken:         {FaultError},
	OnCallback:      {FaultDuplicate, FaultDelay, FaultDrop},
}

// Duration is a time.Duration that JSON writes as "1m30s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration understands.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("write a duration as \"1m30s\": %w", err)
	}
	if parsed < 0 {
		return fmt.Errorf("a duration cannot be negative: %s", text)
	}
	*d = Duration(parsed)
	return nil
}

func (f Faults) clone() Faults {
	f.Errors, f.ReadErrors, f.TokenErrors = maps.Clone(f.Errors), maps.Clone(f.ReadErrors), maps.Clone(f.TokenErrors)
	f.FailNumbers, f.Next = maps.Clone(f.FailNumbers), slices.Clone(f.Next)
	return f
}

// Check names the first thing in the faults that makes no sense.
func (f Faults) Check() error {
	f = f.clone()
	return f.normalize()
}

// normalize fills in defaults, and names the first thing that makes no sense.
func (f *Faults) normalize() error {
	rates := map[string]float64{
		"accept_then_500": f.AcceptThen500, "accept_then_hang": f.AcceptThenHang, "reset_after": f.ResetAfter,
		"reset_before": f.ResetBefore, "slow": f.Slow, "callbacks_first": f.CallbacksFirst, "fail": f.Fail,
		"callbacks.duplicate": f.Callbacks.Duplicate, "callbacks.delay": f.Callbacks.Delay,
		"callbacks.reverse": f.Callbacks.Reverse, "callbacks.drop": f.Callbacks.Drop,
	}
	for name, byStatus := range map[string]map[int]float64{
		"errors": f.Errors, "read_errors": f.ReadErrors, "token_errors": f.TokenErrors,
	} {
		for status, rate := range byStatus {
			if status < 400 || status > 599 {
				return fmt.Errorf("%s: %d is not an HTTP error status", name, status)
			}
			rates[name+"."+strconv.Itoa(status)] = rate
		}
	}
	for name, rate := range rates {
		if !(rate >= 0 && rate <= 1) { // so written because of NaN
			return fmt.Errorf("%s must lie between 0 and 1", name)
		}
	}
	if !slices.Contains([]Receipts{AllReceipts, NoFinalReceipts, NoReceipts}, f.Receipts) {
		return fmt.Errorf("receipts is %q: it can be \"\", %q or %q", f.Receipts, NoFinalReceipts, NoReceipts)
	}
	failing := make(map[sms.Number]string, len(f.FailNumbers))
	for number, reason := range f.FailNumbers {
		parsed, err := sms.ParseNumber(string(number))
		if err != nil {
			return fmt.Errorf("fail_numbers: %w", err)
		}
		failing[parsed] = cmp.Or(reason, defaultFailure)
	}
	f.FailNumbers = failing
	for i := range f.Next {
		next := &f.Next[i]
		next.On = cmp.Or(next.On, OnSend)
		next.Times = cmp.Or(next.Times, 1)
		if !slices.Contains(faultsOf[next.On], next.Fault) {
			return fmt.Errorf("next: there is no fault %q on %q; known: %v", next.Fault, next.On, faultsOf[next.On])
		}
		if next.Times < 0 {
			return fmt.Errorf("next: times is %d", next.Times)
		}
	}
	return nil
}

const defaultFailure = "RECIPIENT_NOT_REACHABLE"

// Faults returns the faults in force, with what is left of Next.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.clone()
}

// SetFaults replaces the faults in force. It panics on rates and names that
// make no sense, since those are mistakes in a test.
func (s *Server) SetFaults(faults Faults) {
	if err := s.setFaults(faults.clone()); err != nil {
		panic("sinchtest: " + err.Error())
	}
}

// Next queues faults for the next calls, behind those that are still waiting.
// Like SetFaults it panics on names that make no sense.
func (s *Server) Next(faults ...OneShot) {
	added := Faults{Next: faults}.clone()
	if err := added.normalize(); err != nil {
		panic("sinchtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Next = append(s.faults.Next, added.Next...)
}

func (s *Server) setFaults(faults Faults) error {
	if err := faults.normalize(); err != nil {
		return err
	}
	if faults.ExpireTokens {
		faults.ExpireTokens = false
		s.ExpireTokens()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	return nil
}

func (s *Server) outage() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Outage
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Faults())
}

// putFaults replaces all faults.
func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	s.changeFaults(w, r, Faults{})
}

// patchFaults changes the faults named in the body; "next" is queued behind
// what is still waiting.
func (s *Server) patchFaults(w http.ResponseWriter, r *http.Request) {
	s.changeFaults(w, r, s.Faults())
}

func (s *Server) changeFaults(w http.ResponseWriter, r *http.Request, faults Faults) {
	waiting := faults.Next
	faults.Next = nil
	err := readJSON(w, r, &faults)
	if err == nil {
		faults.Next = append(waiting, faults.Next...)
		err = s.setFaults(faults)
	}
	if err != nil {
		complain(w, err.Error())
		return
	}
	s.getFaults(w, r)
}

// readJSON reads a body of ours (not Sinch's), in which a misspelt name is a mistake.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	return strictJSON(http.MaxBytesReader(w, r.Body, 1<<20), into)
}

// strictJSON reads one JSON value, in which a misspelt name is a mistake.
func strictJSON(from io.Reader, into any) error {
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("reading JSON: there is more than one value")
	}
	return nil
}

// ParseFaults reads Faults as PUT /faults takes them.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	if err := strictJSON(strings.NewReader(text), &f); err != nil {
		return Faults{}, err
	}
	return f, f.Check()
}

// complain answers with an error of our own side of the server.
func complain(w http.ResponseWriter, sentence string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": sentence})
}

// A plan is what goes wrong with one call.
type plan struct {
	status     int // answer with this, accepting nothing
	retryAfter time.Duration
	reset      bool // reset the connection, accepting nothing
	slow       time.Duration

	// Sends only. After acceptance:
	acceptThen     string // one of the faults that hide the acceptance
	acceptStatus   int
	hang           time.Duration
	callbacksFirst bool
	reverse        bool
	fail           string // the reason
	receipts       Receipts
}

// plan throws the dice for one call. A fault from Next takes the place of all
// rates that decide how the call is answered.
func (s *Server) plan(on Operation, to sms.Number) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.faults
	p := plan{receipts: f.Receipts}
	if on == OnToken && f.Outage {
		p.status = http.StatusServiceUnavailable
		return p
	}
	if on == OnSend {
		p.fail = f.FailNumbers[to]
		if p.fail == "" && s.dice.hit(f.Fail) {
			p.fail = cmp.Or(f.FailReason, defaultFailure)
		}
		p.reverse = s.dice.hit(f.Callbacks.Reverse)
		p.callbacksFirst = s.dice.hit(f.CallbacksFirst)
	}
	slow, hang := cmp.Or(f.SlowFor, Duration(2*time.Second)), f.HangFor

	if next, ok := f.take(on, to); ok {
		switch next.Fault {
		case FaultError:
			p.status, p.retryAfter = cmp.Or(next.Status, http.StatusServiceUnavailable), time.Duration(next.RetryAfter)
		case FaultSlow:
			p.slow = time.Duration(cmp.Or(next.For, slow))
		case FaultResetBefore:
			p.reset = true
		case FaultAcceptThen500, FaultAcceptThenHang, FaultResetAfter:
			p.acceptThen, p.acceptStatus = next.Fault, cmp.Or(next.Status, http.StatusInternalServerError)
			p.hang = time.Duration(cmp.Or(next.For, hang))
		case FaultCallbacksFirst:
			p.callbacksFirst = true
		case FaultReverse:
			p.reverse = true
		case FaultFail:
			p.fail = cmp.Or(next.Reason, defaultFailure)
		case FaultNoReceipts:
			p.receipts = NoReceipts
		}
		return p
	}

	var rates map[int]float64
	switch on {
	case OnSend:
		rates = f.Errors
	case OnToken:
		rates = f.TokenErrors
	default:
		rates = f.ReadErrors
	}
	if p.status = s.dice.status(rates); p.status != 0 {
		if p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable {
			p.retryAfter = time.Duration(f.RetryAfter)
		}
		return p
	}
	if s.dice.hit(f.Slow) {
		p.slow = time.Duration(slow)
	}
	if on != OnSend {
		return p
	}
	switch {
	case s.dice.hit(f.ResetBefore):
		p.reset = true
	case s.dice.hit(f.AcceptThen500):
		p.acceptThen, p.acceptStatus = FaultAcceptThen500, http.StatusInternalServerError
	case s.dice.hit(f.AcceptThenHang):
		p.acceptThen, p.hang = FaultAcceptThenHang, time.Duration(hang)
	case s.dice.hit(f.ResetAfter):
		p.acceptThen = FaultResetAfter
	}
	return p
}

// take uses up the first waiting fault that fits.
func (f *Faults) take(on Operation, phone sms.Number) (OneShot, bool) {
	for i := range f.Next {
		next := f.Next[i]
		if next.On != on || (next.To != "" && next.To != phone) {
			continue
		}
		if f.Next[i].Times--; f.Next[i].Times <= 0 {
			f.Next = slices.Delete(f.Next, i, i+1)
		}
		return next, true
	}
	return OneShot{}, false
}

// before carries out what happens instead of handling the call, and reports
// whether it is to be handled.
func (p plan) before(s *Server, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case p.reset:
		_, _ = io.Copy(io.Discard, r.Body) // so that the client has written all of it
		reset(w)
		return false
	case p.status != 0:
		p.writeError(w)
		return false
	}
	return s.hold(r, p.slow)
}

func (p plan) writeError(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		seconds := int((p.retryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	(&apiError{p.status, "This fault was asked for."}).write(w)
}

// hold waits while the client listens, and reports whether it still does.
func (s *Server) hold(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.ctx.Done():
		return false
	}
}

// reset drops the connection without an answer, as hard as it can.
func reset(w http.ResponseWriter) {
	if counted, ok := w.(*countingWriter); ok {
		counted.status = statusReset
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or no connection at all
	}
	if watched, ok := conn.(*watchedConn); ok {
		conn = watched.Conn
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}

// statusReset stands in the statistics for a call that got no answer.
const statusReset = -1

func (s *Server) count(on Operation, status int) {
	answer := string(on) + " " + strconv.Itoa(status)
	if status <= 0 {
		answer = string(on) + " reset"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Answers[answer]++
}

// dice are repeatable for a seed and an order of throws.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func newDice(seed uint64) *dice {
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // dice, not secrets
	}
	return &dice{rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // dice, not secrets
}

func (d *dice) hit(rate float64) bool {
	if rate <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < rate
}

// status picks one of several statuses, each with its own rate; 0 is none.
func (d *dice) status(rates map[int]float64) int {
	if len(rates) == 0 {
		return 0
	}
	d.mu.Lock()
	throw := d.rand.Float64()
	d.mu.Unlock()
	for _, status := range slices.Sorted(maps.Keys(rates)) {
		if throw < rates[status] {
			return status
		}
		throw -= rates[status]
	}
	return 0
}
