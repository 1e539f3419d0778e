package sinchtest

import (
	"net"
	"net/http"
	"time"
)

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
	conn := takeOver(w, statusReset)
	if watched, ok := conn.(*watchedConn); ok {
		conn = watched.Conn
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) { _ = takeOver(w, statusReset).Close() }

// writeRaw writes bytes where the answer would be, and closes the connection.
func writeRaw(w http.ResponseWriter, status int, raw []byte) {
	conn := takeOver(w, status)
	_, _ = conn.Write(raw) // who does not listen any more needs no answer
	_ = conn.Close()
}

// takeOver takes the connection away from the HTTP server, and counts the call
// as answered with that status.
func takeOver(w http.ResponseWriter, status int) net.Conn {
	for writer := w; ; {
		counted, ok := writer.(*countingWriter)
		if !ok {
			break
		}
		counted.status, writer = status, counted.ResponseWriter
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or no connection at all
	}
	return conn
}

// statusReset stands in the statistics for a call that got no answer.
const statusReset = -1
