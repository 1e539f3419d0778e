package sinchtest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strconv"
	"time"
)

// refusals answer a call, or not, before anything is accepted.
var refusals = map[string]func(http.ResponseWriter, OneShot){
	FaultError:       answerError,
	FaultResetBefore: func(w http.ResponseWriter, _ OneShot) { reset(w) },
}

// mishaps befall the answer to a call that was accepted.
var mishaps = map[string]func(*Server, http.ResponseWriter, *http.Request, *answer, OneShot){
	FaultAcceptThen500: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ *answer, fault OneShot) {
		fault.Status = cmp.Or(fault.Status, http.StatusInternalServerError)
		answerError(w, fault)
	},
	FaultAcceptThenHang: (*Server).hang,
	FaultResetAfter:     func(_ *Server, w http.ResponseWriter, _ *http.Request, _ *answer, _ OneShot) { reset(w) },
}

// before carries out what happens instead of handling the call, and reports
// whether it is to be handled.
func (p plan) before(s *Server, w http.ResponseWriter, r *http.Request) bool {
	refuse, refused := refusals[p.answer.Fault]
	if !refused {
		return s.hold(r, p.slow)
	}
	_, _ = io.Copy(io.Discard, r.Body) // so that the client has written all of it
	refuse(w, p.answer)
	return false
}

// after lets the handler answer, and then what befalls its answer.
func (p plan) after(s *Server, w http.ResponseWriter, r *http.Request, handler http.HandlerFunc) {
	mishap, ok := mishaps[p.answer.Fault]
	if !ok {
		handler(w, r)
		return
	}
	right := &answer{header: http.Header{}}
	handler(right, r)
	mishap(s, w, r, right, p.answer)
}

// answer is a right answer that is yet to be sent.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) Write(data []byte) (int, error) { return a.body.Write(data) }

func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

func answerError(w http.ResponseWriter, fault OneShot) {
	if fault.RetryAfter > 0 {
		seconds := (time.Duration(fault.RetryAfter) + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	(&apiError{cmp.Or(fault.Status, http.StatusServiceUnavailable), "This fault was asked for."}).write(w)
}

// hang answers nothing until the client gives up, or for as long as was asked for.
func (s *Server) hang(w http.ResponseWriter, r *http.Request, _ *answer, fault OneShot) {
	s.hold(r, cmp.Or(time.Duration(fault.For), 24*time.Hour))
	reset(w)
}
