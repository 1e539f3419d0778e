package connect

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// silence is how long a call waits for its answer before its connection counts
// as dead. A server that works answers in a tenth of it.
const silence = 1500 * time.Millisecond

// RenewSilent is for a process that may be frozen between two calls. Meanwhile
// anything between it and the server may have forgotten its connection, and then
// swallows what is sent there; gRPC notices that only when its caller has long
// given up. So a call that is not answered soon loses its connection, and the
// SDK repeats it on a new one. The server drops the repeat if it has taken the
// first, see conversation.RequestIDs. A call also waits for a connection instead
// of failing because the last attempt to get one did: that may be hours ago.
//
// Not for a process that waits for work: its calls are silent for a minute. A
// proxy named by HTTPS_PROXY is not used.
func RenewSilent(o client.Options) client.Options {
	open := &connections{all: map[*connection]struct{}{}}
	o.ConnectionOptions.DialOptions = append(slices.Clip(o.ConnectionOptions.DialOptions),
		grpc.WithContextDialer(open.dial), grpc.WithChainUnaryInterceptor(open.watch),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	return o
}

// connections are those that are open.
type connections struct {
	mutex sync.Mutex
	all   map[*connection]struct{}
}

type connection struct {
	net.Conn
	opened time.Time
	among  *connections
}

func (cs *connections) dial(ctx context.Context, address string) (net.Conn, error) {
	dialed, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &connection{dialed, time.Now(), cs}
	cs.mutex.Lock()
	defer cs.mutex.Unlock()
	cs.all[c] = struct{}{}
	return c, nil
}

func (c *connection) Close() error {
	c.among.mutex.Lock()
	defer c.among.mutex.Unlock()
	delete(c.among.all, c)
	return c.Conn.Close()
}

func (cs *connections) watch(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	begun := time.Now()
	late := time.AfterFunc(silence, func() { cs.drop(begun) })
	defer late.Stop()
	return invoke(ctx, method, req, reply, conn, opts...)
}

// drop ends the connections from before a call. One that was made for it is
// slow, not forgotten.
func (cs *connections) drop(before time.Time) {
	cs.mutex.Lock()
	defer cs.mutex.Unlock()
	for c := range cs.all {
		if c.opened.Before(before) {
			_ = c.Conn.Close() // gRPC notices, and closes it too
		}
	}
}
