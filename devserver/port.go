package main

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePort picks a port for a service that nobody calls from outside. It is one
// below those that a system gives to connections: of these, one that is free now
// may belong to somebody's connection a moment later, when the service starts.
func freePort() int {
	var config net.ListenConfig
	for {
		port := 10_000 + rand.IntN(22_000) //nolint:gosec // any will do
		listener, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err == nil && listener.Close() == nil {
			return port
		}
	}
}
