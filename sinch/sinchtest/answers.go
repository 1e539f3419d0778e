package sinchtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// mishaps befall the answer to a call that was accepted and done.
var mishaps = map[string]func(*Server, http.ResponseWriter, *http.Request, *answer, OneShot){
	FaultAcceptThen500:  (*Server).answer500,
	FaultAcceptThenHang: (*Server).hang,
	FaultResetAfter:     instead(reset),
	FaultClose:          instead(hangUp),
	FaultTrickle:        (*Server).trickle,
	FaultBrokenJSON:     (*Server).breakJSON,
	FaultNoID:           (*Server).withholdID,
	FaultCut:            (*Server).cutShort,
	FaultGarbage:        (*Server).answerGarbage,
	FaultGarbageHeader:  (*Server).answerGarbageHeader,
	FaultHTTP10:         (*Server).answerHTTP10,
	FaultInterim:        (*Server).answerInterim,
}

// decidesAnswer reports whether a fault can have a rate in Faults.Answers.
func decidesAnswer(fault string) bool {
	return fault == FaultSlow || refusals[fault] != nil || mishaps[fault] != nil
}

// before waits as long as was asked for, or refuses the call, and reports whether
// it is to be handled.
func (p plan) before(s *Server, w http.ResponseWriter, r *http.Request) bool {
	refuse, refused := refusals[p.answer.Fault]
	if !refused {
		return s.hold(r, p.slow)
	}
	_, _ = io.Copy(io.Discard, r.Body) // so that the client has written all of it
	refuse(s, w, r, p.answer)
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

// begin sends the header, which promises so many bytes.
func (a *answer) begin(w http.ResponseWriter, length int) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(a.status)
}

// instead drops the right answer.
func instead(of func(http.ResponseWriter)) func(*Server, http.ResponseWriter, *http.Request, *answer, OneShot) {
	return func(_ *Server, w http.ResponseWriter, _ *http.Request, _ *answer, _ OneShot) { of(w) }
}

func (s *Server) answer500(w http.ResponseWriter, r *http.Request, _ *answer, fault OneShot) {
	fault.Status = cmp.Or(fault.Status, http.StatusInternalServerError)
	s.answerError(w, r, fault)
}

// hang answers nothing until the client gives up, or for as long as was asked for.
func (s *Server) hang(w http.ResponseWriter, r *http.Request, _ *answer, fault OneShot) {
	s.hold(r, cmp.Or(time.Duration(fault.For), 24*time.Hour))
	reset(w)
}

// trickle sends the body byte by byte.
func (s *Server) trickle(w http.ResponseWriter, r *http.Request, right *answer, fault OneShot) {
	body := right.body.Bytes()
	right.begin(w, len(body))
	control := http.NewResponseController(w)
	for i := range body {
		if control.Flush() != nil || !s.hold(r, time.Duration(fault.For)/time.Duration(len(body))) {
			return
		}
		_, _ = w.Write(body[i : i+1])
	}
}

// breakJSON sends half the body as if it were all.
func (s *Server) breakJSON(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	half := right.body.Bytes()[:right.body.Len()/2]
	right.begin(w, len(half))
	_, _ = w.Write(half)
}

// cutShort sends half the body, and promised all of it. The HTTP server then
// closes the connection.
func (s *Server) cutShort(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	right.begin(w, right.body.Len())
	_, _ = w.Write(right.body.Bytes()[:right.body.Len()/2])
}

// withholdID leaves the id out of the answer to a send.
func (s *Server) withholdID(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	var fields map[string]any
	if err := json.Unmarshal(right.body.Bytes(), &fields); err != nil {
		panic(fmt.Sprintf("reading our own answer: %v", err))
	}
	delete(fields, "message_id")
	writeJSON(w, right.status, fields)
}

// answerInterim sends interim answers before the right one.
func (s *Server) answerInterim(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	w.WriteHeader(http.StatusProcessing)
	w.WriteHeader(http.StatusEarlyHints)
	right.begin(w, right.body.Len())
	_, _ = w.Write(right.body.Bytes())
}

// answerHTTP10 lets the end of the connection be the end of the body.
func (s *Server) answerHTTP10(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	maps.Copy(right.header, w.Header())
	right.header.Set("Connection", "close")
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "HTTP/1.0 %d %s\r\n", right.status, http.StatusText(right.status))
	_ = right.header.Write(&raw) // a buffer takes everything
	raw.WriteString("\r\n")
	raw.Write(right.body.Bytes())
	writeRaw(w, right.status, raw.Bytes())
}

// answerGarbage sends what is no HTTP at all.
func (s *Server) answerGarbage(w http.ResponseWriter, _ *http.Request, _ *answer, _ OneShot) {
	writeRaw(w, statusReset, []byte("\x16\x03\x01\xff\xfe\x00garbage\r\n\r\n"))
}

// answerGarbageHeader sends the right body behind a header that cannot be read.
func (s *Server) answerGarbageHeader(w http.ResponseWriter, _ *http.Request, right *answer, _ OneShot) {
	header := "HTTP/1.1 2OO \x01OK\r\nContent-Type application/json\r\n: \x00\r\nContent-Length: many\r\n\r\n"
	writeRaw(w, statusReset, append([]byte(header), right.body.Bytes()...))
}
