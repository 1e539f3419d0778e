package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
)

// A responder answers turns by quoting every line it was given.
type responder struct {
	faulty, away atomic.Bool

	mu   sync.Mutex
	dice *rand.Rand
}

func (p *responder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var turn struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&turn); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	unlucky := chance(p.dice, 2)
	p.mu.Unlock()
	if p.away.Load() || p.faulty.Load() && unlucky {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err := json.NewEncoder(w).Encode(map[string]string{"reply": reply(turn.Text)}); err != nil {
		panic(fmt.Sprintf("encoding a reply: %v", err)) // a map of strings always encodes
	}
}
