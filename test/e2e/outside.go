package e2e

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
)

// Outside is a Temporal server that is there already, if there is one: all worlds
// are on it, each in a namespace of its own. make test-postgres sets it, and the URL of its
// metrics.
var Outside, outsideMetrics = os.Getenv("PARLEY_TEST_TEMPORAL"), os.Getenv("PARLEY_TEST_TEMPORAL_METRICS")

// Copies is how many workers and webhooks a world has. Where the server is as in
// production, so are they: more than one.
func Copies() int {
	if Outside == "" {
		return 1
	}
	return 2
}

// InTurn gives each of the addresses a call in turn, as a load balancer does, and
// returns its own address.
func (w *World) InTurn(addresses []string) string {
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
	w.T.Cleanup(balancer.Close)
	return balancer.Listener.Addr().String()
}
