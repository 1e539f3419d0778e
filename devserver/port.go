package main

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// guards are listeners beside the ports that freePort has picked.
var guards struct {
	mu     sync.Mutex
	opened []net.Listener
}

// freePort picks a port for a service that nobody calls from outside. It stays
// ours as long as this process lives, also before the service starts: the odd
// port above it is kept open, and every devserver begins with that when it picks
// one. It is below the ports that a system gives to connections: of these, one
// that is free now may belong to somebody's connection a moment later.
func freePort() int {
	for {
		port := 10_000 + 2*rand.IntN(11_000) //nolint:gosec // any will do
		guard, err := listen(port + 1)
		if err != nil {
			continue
		}
		if listener, err := listen(port); err != nil || listener.Close() != nil {
			_ = guard.Close()
			continue
		}
		guards.mu.Lock()
		guards.opened = append(guards.opened, guard)
		guards.mu.Unlock()
		return port
	}
}

func listen(port int) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
}
