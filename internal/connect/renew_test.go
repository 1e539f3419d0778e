package connect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"parley/internal/connect"
)

// signals is a server that counts what it is asked, and takes its time.
type signals struct {
	strictServer
	pause atomic.Int64
	asked atomic.Int64
}

func (s *signals) SignalWorkflowExecution(context.Context, *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	s.asked.Add(1)
	time.Sleep(time.Duration(s.pause.Load()))
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

// way is how to a server. It can forget the connections that there are, and
// nobody hears of it.
type way struct {
	net.Listener
	forgets atomic.Int64 // how often it has
	opened  atomic.Int64
}

type trip struct {
	net.Conn
	way   *way
	since int64
}

func (w *way) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	w.opened.Add(1)
	return &trip{c, w, w.forgets.Load()}, err
}

func (c *trip) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || c.way.forgets.Load() == c.since {
			return n, err
		}
	}
}

// begin connects to the server with TLS, as to Temporal Cloud.
func begin(t *testing.T, server *signals) (*way, func() error) {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(certified.Certificate())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &way{Listener: listener}
	service := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])))
	workflowservice.RegisterWorkflowServiceServer(service, server)
	go func() { _ = service.Serve(w) }()
	t.Cleanup(service.Stop)

	o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", listener.Addr().String()), nil)
	require.NoError(t, err)
	o.ConnectionOptions.TLS = &tls.Config{RootCAs: trusted, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	c, err := connect.Lazy(connect.RenewSilent(o))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return w, func() error { return signal(t, c) }
}

// signal has the time of a callback.
func signal(t *testing.T, c client.Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	return c.SignalWorkflow(ctx, "conversation", "", "event", nil)
}

func TestForgottenConnection(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until a connection has been quiet")
	}
	server := &signals{}
	way, ask := begin(t, server)
	require.NoError(t, ask())
	way.forgets.Add(1)
	time.Sleep(6 * time.Second)
	require.NoError(t, ask())
	require.GreaterOrEqual(t, way.opened.Load(), int64(2)) // on a busy machine the new one may seem silent, too
	require.EqualValues(t, 2, server.asked.Load())
}

// TestSlowServer: one that answers, only slowly, keeps its connection, and is
// asked once.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	server := &signals{}
	way, ask := begin(t, server)
	require.NoError(t, ask())
	server.pause.Store(int64(1200 * time.Millisecond))
	require.NoError(t, ask())
	require.EqualValues(t, 1, way.opened.Load())
	require.EqualValues(t, 2, server.asked.Load())
}
