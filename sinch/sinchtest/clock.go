package sinchtest

import (
	"net/http"
	"time"
)

// told is a time by our clock as Sinch tells it.
func (s *Server) told(at time.Time) time.Time { return at.Add(time.Duration(s.Readings().Clock)) }

// now is the time by Sinch's clock.
func (s *Server) now() time.Time { return s.told(s.opts.Now()) }

// dated dates the answers by Sinch's clock.
func (s *Server) dated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		next(w, r)
	}
}

// timestamp writes a time as Sinch mostly does, in UTC with microseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
