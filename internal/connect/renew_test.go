package connect_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/peer"

	"parley/internal/connect"
)

// slowServer takes its time over everything but the first question.
type slowServer struct {
	strictServer
	slow    atomic.Int64
	callers chan string
}

func (s *slowServer) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	from, _ := peer.FromContext(ctx)
	s.callers <- from.Addr.String()
	time.Sleep(time.Duration(s.slow.Load()))
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

// TestSlowServer: one that answers, only slowly, keeps its connection, and is
// asked once.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	server := &slowServer{callers: make(chan string, 10)}
	o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", serve(t, server)))
	require.NoError(t, err)
	c, err := connect.Lazy(connect.RenewSilent(o))
	require.NoError(t, err)
	t.Cleanup(c.Close)

	require.NoError(t, connect.Check(t.Context(), c, o))
	server.slow.Store(int64(2 * time.Second))
	require.NoError(t, connect.Check(t.Context(), c, o))
	first, second := <-server.callers, <-server.callers
	require.Equal(t, first, second)
	require.Empty(t, server.callers)
}
