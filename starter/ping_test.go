package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
		case "/slow":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)

	stdout, stderr, code := parley(t, nil, "ping", server.URL+"/readyz")
	require.Zero(t, code, stderr)
	require.Equal(t, "ok\n", stdout)
	stdout, _, code = parley(t, nil, "--json", "ping", server.URL+"/readyz")
	require.Zero(t, code)
	require.JSONEq(t, `{"status":200}`, stdout)

	for _, test := range []struct {
		url, complaint string
		code           int
	}{
		{server.URL + "/elsewhere", "503 Service Unavailable", 1},
		{server.URL + "/slow", "no answer within 50ms", 1},
		{"http://127.0.0.1:9/readyz", "connection refused", 1},
		{"127.0.0.1:9090/readyz", "must be a whole URL", 2},
		{"readyz", "must be a whole URL", 2},
	} {
		stdout, stderr, code := parley(t, nil, "--timeout", "50ms", "ping", test.url)
		require.Equal(t, test.code, code, test.url)
		require.Contains(t, stderr, test.complaint)
		require.Empty(t, stdout)
	}
}
