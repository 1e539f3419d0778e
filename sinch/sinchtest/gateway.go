package sinchtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// counted counts the answers for the statistics.
func (s *Server) counted(on Operation, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &countingWriter{ResponseWriter: w}
		defer func() { s.count(on, counted.status) }()
		s.dated(next)(counted, r)
	})
}

// noted takes note of a request to send, before anything can refuse it.
func (s *Server) noted(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		counted := &countingWriter{ResponseWriter: w}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			invalid("The request body cannot be read.").write(w)
			return
		}
		attempt := s.attempted(r, body)
		defer func() { s.ended(attempt, counted.status) }()
		r = r.WithContext(context.WithValue(r.Context(), attemptKey{}, attempt))
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(counted, r)
	}
}

// available answers 503 during an outage.
func (s *Server) available(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.outage() {
			(&apiError{http.StatusServiceUnavailable, "The service is currently unavailable."}).write(w)
			return
		}
		next(w, r)
	}
}

// checked lets through what has a token and asks for our project.
func (s *Server) checked(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if ok, expired := s.authorized(r); !ok {
			unauthorized(w, expired)
			return
		}
		if r.PathValue("project") != s.opts.ProjectID {
			notFound("Project not found.").write(w)
			return
		}
		next(w, r)
	}
}

func unauthorized(w http.ResponseWriter, expired bool) {
	challenge := `Bearer error="invalid_token"`
	if expired {
		// Sinch's SDK fetches a new token when it reads this word.
		challenge += `, error_description="The access token expired"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	(&apiError{http.StatusUnauthorized, "Request had invalid credentials."}).write(w)
}

// faulty makes the faults of a call happen.
func (s *Server) faulty(on Operation, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		plan := s.plan(on, "")
		if plan.before(s, w, r) {
			plan.after(s, w, r, next)
		}
	}
}

// noSuchRoute answers as Sinch's gateway does: 501 where the path exists for
// another method only, such as POST /apps/{id}/webhooks, else 404.
func noSuchRoute(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/v1/" {
				(&apiError{http.StatusNotImplemented, "Method Not Allowed"}).write(w)
				return
			}
		}
		notFound("Not Found").write(w)
	}
}

// countingWriter remembers the status for the statistics.
type countingWriter struct {
	http.ResponseWriter
	status int
}

func (w *countingWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // not an interim one
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
