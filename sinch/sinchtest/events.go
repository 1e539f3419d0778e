package sinchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/sms"
)

// change is one thing that a page may want to show: a new or changed message,
// or a new phone.
type change struct {
	version int64
	message *record
	phone   sms.Number
}

// keptChanges is how far back a page can catch up. One that was away for longer
// reads everything again.
const keptChanges = 10_000

// note records a change and wakes all who wait for one. The caller holds the lock.
func (s *Server) note(c change) {
	s.version++
	c.version = s.version
	if len(s.changes) >= 2*keptChanges {
		s.changes = append(s.changes[:0], s.changes[len(s.changes)-keptChanges:]...)
	}
	s.changes = append(s.changes, c)
	s.wake()
}

// wake lets all who wait look again. The caller holds the lock.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitFor waits until the condition holds, looking again whenever a message is
// accepted or changes, or a call is answered. The condition may use all methods of the Server.
func (s *Server) WaitFor(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the simulator: %w", ctx.Err())
		case <-s.ctx.Done():
			return fmt.Errorf("waiting for the simulator: %w", http.ErrServerClosed)
		}
	}
}

// WaitForMessage waits until a phone has a message that fits, and returns the
// first such.
func (s *Server) WaitForMessage(ctx context.Context, number sms.Number, fits func(Message) bool) (Message, error) {
	var found Message
	phone := s.Phone(number)
	err := s.WaitFor(ctx, func() bool {
		for _, m := range phone.Messages() {
			if fits(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// WaitForText waits until a phone has received a text that contains the words.
func (s *Server) WaitForText(ctx context.Context, number sms.Number, words string) (Message, error) {
	return s.WaitForMessage(ctx, number, func(m Message) bool {
		return m.Direction == ToContact && strings.Contains(m.Text, words)
	})
}

// WaitAcknowledged waits until every webhook has answered 2xx to the callback
// of a message from a phone.
func (s *Server) WaitAcknowledged(ctx context.Context, id string) (Message, error) {
	var found Message
	err := s.WaitFor(ctx, func() bool {
		found, _ = s.Message(id)
		return found.Status == Acknowledged
	})
	return found, err
}

func (s *Server) cursor(version int64) string {
	return s.boot + "-" + strconv.FormatInt(version, 10)
}

// since returns what changed after a cursor, each message once and as it is
// now. It returns ok = false for a cursor of another server, or one too old.
func (s *Server) since(version int64) (events []event, latest int64, changed <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version < 0 || version > s.version || (len(s.changes) > 0 && version < s.changes[0].version-1) {
		return nil, s.version, s.changed, false
	}
	fresh := s.changes[len(s.changes)-int(s.version-version):]
	last := make(map[*record]int64, len(fresh))
	for _, c := range fresh {
		last[c.message] = c.version
	}
	for _, c := range fresh {
		switch {
		case c.phone != "":
			events = append(events, event{"phone", s.summary(s.phones[c.phone]), c.version})
		case last[c.message] == c.version:
			events = append(events, event{"message", c.message.snapshot(), c.version})
		}
	}
	return events, s.version, s.changed, true
}

type event struct {
	name    string
	data    any
	version int64
}

// events is GET /events: server-sent events "message" and "phone" with the JSON
// of the other endpoints, and "reset" when the page must read everything again.
// It goes on after the Last-Event-ID header, or else after ?after=.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	boot, number, _ := strings.Cut(after, "-")
	version, err := strconv.ParseInt(number, 10, 64)
	known := err == nil && boot == s.boot && version >= 0
	if after == "" {
		s.mu.Lock()
		version, known = s.version, true
		s.mu.Unlock()
	}

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	_, _ = io.WriteString(w, "retry: 1000\n\n")

	// A comment now and then finds out about clients that are gone.
	alive := time.NewTicker(15 * time.Second)
	defer alive.Stop()
	for {
		var events []event
		var changed <-chan struct{}
		var ok bool
		if !known {
			version = -1
		}
		events, version, changed, ok = s.since(version)
		if !known || !ok {
			events, known = []event{{"reset", struct{}{}, version}}, true
		}
		for _, e := range events {
			data, err := json.Marshal(e.data)
			if err != nil {
				panic(fmt.Sprintf("encoding %T: %v", e.data, err)) // our own types always encode
			}
			if _, err := fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", s.cursor(e.version), e.name, data); err != nil {
				return
			}
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-alive.C:
			if _, err := io.WriteString(w, ": still here\n\n"); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}
