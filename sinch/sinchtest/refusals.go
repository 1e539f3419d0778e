package sinchtest

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"time"
)

// refusals answer a call, or break its connection, before anything is accepted.
var refusals = map[string]func(*Server, http.ResponseWriter, *http.Request, OneShot){
	FaultError:       (*Server).answerError,
	FaultResetBefore: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ OneShot) { reset(w) },
	FaultCloseBefore: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ OneShot) { hangUp(w) },
	FaultRedirect:    (*Server).redirect,
	FaultRevoke:      (*Server).revoke,
}

func (s *Server) answerError(w http.ResponseWriter, _ *http.Request, fault OneShot) {
	if after := time.Duration(fault.RetryAfter); after > 0 {
		seconds := (after + time.Second - 1) / time.Second
		value := strconv.Itoa(int(seconds))
		if fault.RetryAfterDate {
			// A date has whole seconds too, and is not to come before the time is over.
			value = s.now().Add(seconds*time.Second + time.Second - 1).UTC().Format(http.TimeFormat)
		}
		w.Header().Set("Retry-After", value)
	}
	(&apiError{cmp.Or(fault.Status, http.StatusServiceUnavailable), "This fault was asked for."}).write(w)
}

// elsewhere is where redirects lead, at another name of this host.
const elsewhere = "/elsewhere"

// redirect sends the client to where it must not go with our keys and texts.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, fault OneShot) {
	name, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		name, port = r.Host, "80"
	}
	other := "localhost"
	if name == other {
		other = "127.0.0.1"
	}
	w.Header().Set("Location", "http://"+net.JoinHostPort(other, port)+elsewhere)
	w.WriteHeader(cmp.Or(fault.Status, http.StatusFound))
}

// redirected counts who followed a redirect.
func (s *Server) redirected(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.stats.Redirected++
	s.mu.Unlock()
	notFound("Nothing is here.").write(w)
}

// revoke ends all tokens, that of this call too.
func (s *Server) revoke(w http.ResponseWriter, _ *http.Request, _ OneShot) {
	s.ExpireTokens()
	unauthorized(w, true)
}
