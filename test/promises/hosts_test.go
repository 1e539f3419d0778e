package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/stack"
	"parley/test/e2e"
)

// A page that somebody opens on this machine can give its own name the address
// 127.0.0.1, and then reads what our doors on loopback say: its browser takes
// them for a part of the page. Such a request names the page's host.

func TestMetricsOfAForeignHost(t *testing.T) {
	promise(t, "a request for metrics that came to loopback under a foreign name is refused", "the Host header is not looked at")

	w := e2e.New(t)
	for name, p := range map[string]*stack.Process{"worker": w.Worker[0], "webhook": w.Webhooks[0]} {
		requireOwnNames(t, name, metricsOf(w, p), func(address string) *http.Request {
			return e2e.Must(http.NewRequestWithContext(w.Ctx(), http.MethodGet, "http://"+address+"/metrics", nil))
		})
	}
}

func TestCodecServerOfAForeignHost(t *testing.T) {
	promise(t, "a request to the codec server that came to loopback under a foreign name is refused", "the Host header is not looked at")

	w := e2e.New(t)
	key, complaint, err := typed(w, "encryption-key")
	require.NoError(t, err, complaint)
	const token = "a-token-for-tests-0001"
	address := e2e.Address(t)
	p := w.Run("codec-server", "parley", map[string]string{
		"PARLEY_ENCRYPTION_KEYS": strings.TrimSpace(key), "PARLEY_CODEC_ADDR": address, "PARLEY_CODEC_TOKEN": token,
	}, "codec-server")
	w.Await(p, func(ctx context.Context) bool { return stack.Answers(ctx, "http://"+address+"/healthz") })
	requireOwnNames(t, "the page", address, func(address string) *http.Request {
		return e2e.Must(http.NewRequestWithContext(w.Ctx(), http.MethodGet, "http://"+address+"/", nil))
	})
	requireOwnNames(t, "decode", address, func(address string) *http.Request {
		r := e2e.Must(http.NewRequestWithContext(w.Ctx(), http.MethodPost, "http://"+address+"/decode", strings.NewReader(`{"payloads":[]}`)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	})
}

// requireOwnNames makes sure that a door answers to the names of this machine, and
// to no others.
func requireOwnNames(t *testing.T, door, address string, request func(address string) *http.Request) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	ask := func(host string) int {
		r := request(address)
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	for _, host := range []string{address, "127.0.0.1", "localhost:" + port, "LocalHost:" + port, "[::1]:" + port} {
		require.Equal(t, http.StatusOK, ask(host), "%s, under %s", door, host)
	}
	var answered []string
	foreign := []string{
		"page.example", "page.example:" + port, "localhost.page.example:" + port, "127.0.0.1.page.example:" + port,
		"page.example:80", "localhost@page.example", "127.0.0.1 page.example",
	}
	for _, host := range foreign {
		if status := ask(host); status < 400 {
			answered = append(answered, fmt.Sprintf("%s: %d", host, status))
		}
	}
	t.Logf("figures: %d of %d foreign names are answered", len(answered), len(foreign))
	require.Empty(t, answered, "foreign names that %s answers to", door)
}

var showsMetrics = regexp.MustCompile(`msg=listening for=metrics address=(\S+)`)

// metricsOf is where a program shows its metrics.
func metricsOf(w *e2e.World, p *stack.Process) (address string) {
	w.T.Helper()
	w.Await(p, func(context.Context) bool {
		log, _ := os.ReadFile(p.Log)
		if found := showsMetrics.FindSubmatch(log); found != nil {
			address = string(found[1])
		}
		return address != ""
	})
	return address
}
