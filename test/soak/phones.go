package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"parley/sinch/sinchtest"
)

// watch hands each text that the carrier accepts to receive, as phones would show it.
func (w *world) watch(ctx context.Context, receive func(sinchtest.Message)) {
	for seen := 0; sleep(ctx, 30*time.Millisecond); {
		messages, err := w.sentAfter(ctx, seen)
		if err != nil {
			slog.Error("Reading the phones", "error", err)
			return
		}
		for _, m := range messages {
			receive(m)
		}
		seen += len(messages)
	}
}

// sentAfter reads the log's end only: reading all of it each time would take
// longer and longer.
func (w *world) sentAfter(ctx context.Context, n int) ([]sinchtest.Message, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("/log?after=%d", n), nil)
	if err != nil {
		return nil, err
	}
	var answer recorder
	w.carrier.sim.ServeHTTP(&answer, request)
	var log struct{ Messages []sinchtest.Message }
	return log.Messages, json.Unmarshal(answer.body, &log)
}

// recorder is the little that asking a handler in this process takes.
type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}
func (r *recorder) WriteHeader(int) {}
func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}
