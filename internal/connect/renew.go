package connect

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// A connection counts as forgotten when nothing has come from it for so long
// before a call, and then nothing comes of the call either. Two tries have to fit
// into half of the caller's time, which is what the SDK gives a call.
const (
	quiet  = 5 * time.Second
	silent = 700 * time.Millisecond
)

// RenewSilent is for a process that may be frozen between two calls. Meanwhile
// anything between it and the server may have forgotten its connection, and then
// swallows what is sent there; gRPC notices that only when its caller has long
// given up. So a connection from before that stays silent is closed, and the SDK
// repeats the call on a new one. The server drops the repeat if it has taken the
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
	among *connections
	heard atomic.Int64 // when something came, by the clock on the wall: the other one may stand still
}

func (cs *connections) dial(ctx context.Context, address string) (net.Conn, error) {
	dialed, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: dialed, among: cs}
	c.heard.Store(time.Now().UnixNano())
	cs.mutex.Lock()
	defer cs.mutex.Unlock()
	cs.all[c] = struct{}{}
	return c, nil
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

func (c *connection) Close() error {
	c.among.mutex.Lock()
	defer c.among.mutex.Unlock()
	delete(c.among.all, c)
	return c.Conn.Close()
}

func (cs *connections) watch(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	since := time.Now().Add(-quiet)
	late := time.AfterFunc(silent, func() { cs.drop(since) })
	defer late.Stop()
	return invoke(ctx, method, req, reply, conn, opts...)
}

// drop closes the connections from which nothing has come since then.
func (cs *connections) drop(since time.Time) {
	cs.mutex.Lock()
	defer cs.mutex.Unlock()
	for c := range cs.all {
		if c.heard.Load() < since.UnixNano() {
			_ = c.Conn.Close() // gRPC notices, and closes it too
		}
	}
}
