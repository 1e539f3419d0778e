package test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A Temporal server that is there already, and the URL of its metrics: all
// worlds are on it, each in a namespace of its own. make test-postgres sets both.
var outside, outsideMetrics = os.Getenv("PARLEY_TEST_TEMPORAL"), os.Getenv("PARLEY_TEST_TEMPORAL_METRICS")

// copies is how many workers and webhooks a world has. Where the server is as in
// production, so are they: more than one.
func copies() int {
	if outside == "" {
		return 1
	}
	return 2
}

// newNamespace makes a namespace on the server that is there.
func newNamespace(t *testing.T) string {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: outside, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	name := strings.ToLower(t.Name()) + "_" + uuid.NewString()[:8] // the metrics know only such characters
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err, "making a namespace at %s", outside)
	// What can be described need not be usable yet.
	require.Eventually(t, func() bool {
		_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: name})
		return err == nil
	}, patience, 100*time.Millisecond, "the namespace can be used")
	return name
}

// inTurn gives each of the addresses a call in turn, as a load balancer does, and
// returns its own address.
func (w *world) inTurn(addresses []string) string {
	if len(addresses) == 1 {
		return addresses[0]
	}
	var calls atomic.Uint64
	balancer := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			next := addresses[calls.Add(1)%uint64(len(addresses))]
			r.SetURL(&url.URL{Scheme: "http", Host: next})
		},
		Transport: &http.Transport{},
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	w.t.Cleanup(balancer.Close)
	return balancer.Listener.Addr().String()
}
