package stack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// guards are listeners beside the ports that this process has handed out.
var guards struct {
	mu     sync.Mutex
	opened []net.Listener
}

// Port returns wanted if it is free on loopback, else another one that is.
//
// The other one stays the caller's as long as this process lives, also while
// nobody listens there: the odd port above it is kept open, and whoever looks for
// a port in this way, here or in a devserver, begins with that. It is below the
// ports that the system gives to connections, since of these, one that is free
// now may be a connection's a moment later.
func Port(wanted int) (int, error) {
	if wanted != 0 && free(wanted) {
		return wanted, nil
	}
	for range 1000 {
		port := 10_000 + 2*rand.IntN(11000) //nolint:gosec // any will do
		guard, err := listen(port + 1)
		if err != nil {
			continue
		}
		if !free(port) {
			_ = guard.Close()
			continue
		}
		guards.mu.Lock()
		guards.opened = append(guards.opened, guard)
		guards.mu.Unlock()
		return port, nil
	}
	return 0, errors.New("looking for a free port: none on loopback")
}

func free(port int) bool {
	listener, err := listen(port)
	return err == nil && listener.Close() == nil
}

func listen(port int) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
