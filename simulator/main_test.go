package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// buffer is what a simulator printed so far.
type buffer struct {
	mu      sync.Mutex
	content bytes.Buffer
	written chan struct{}
}

func newBuffer() *buffer { return &buffer{written: make(chan struct{}, 1)} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.written <- struct{}{}:
	default:
	}
	return b.content.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

// serve runs a simulator on a free port until the test ends, and returns its address.
func serve(t *testing.T, args ...string) (addr string, log *buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, log := newBuffer(), newBuffer()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"--addr", "127.0.0.1:0"}, args...), stdout, log) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended, "a simulator that is told to end has not failed")
	})
	select {
	case <-stdout.written:
	case err := <-ended:
		ended <- err
		t.Fatalf("the simulator did not start: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the simulator did not start")
	}
	_, addr, _ = strings.Cut(strings.TrimSpace(stdout.String()), "http://")
	return strings.TrimSuffix(addr, "/"), log
}

func TestServeAndText(t *testing.T) {
	t.Parallel()
	addr, log := serve(t, "--sender", "+12065550100,12065550101", "--phone", "+1 555 987 6543")
	text := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"text", "--addr", addr}, args...), &out, io.Discard)
		return strings.TrimSpace(out.String()), err
	}

	id, err := text("--from", "+1 (555) 987-6543", "Confirmed")
	require.NoError(t, err)
	require.Len(t, id, 26)

	printed, err := text("--from", "15559876543", "--to", "+12065550101", "--json", "Me again")
	require.NoError(t, err)
	var m sinchtest.Message
	require.NoError(t, json.Unmarshal([]byte(printed), &m))
	require.Equal(t, "Me again", m.Text)
	require.Equal(t, "+12065550101", string(m.Sender))

	_, err = text("--from", "+15559876543", "--to", "+12065559999", "Hello")
	require.ErrorContains(t, err, "not one of our numbers")
	_, err = text("--from", "Ana", "Hello")
	require.ErrorContains(t, err, "phone number")
	_, err = text("Hello")
	require.ErrorContains(t, err, "--from")

	require.Contains(t, log.String(), "+1•••543")
	require.NotContains(t, log.String(), "5559876543")
	require.NotContains(t, log.String(), "Confirmed")
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t)
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"a port in use":   {[]string{"--addr", addr}, addr + " is in use"},
		"faults, no JSON": {[]string{"--faults", "often"}, "--faults"},
		"faults, unknown": {[]string{"--faults", `{"erors":{}}`}, "erors"},
		"faults, rate":    {[]string{"--faults", `{"slow":7}`}, "between 0 and 1"},
		"readings":        {[]string{"--readings", `{"captions":"lost"}`}, "captions"},
		"a mode":          {[]string{"--mode", "FAST"}, "--mode"},
		"an unknown flag": {[]string{"--fast"}, "--fast"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), tt.args, io.Discard, io.Discard)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--help"}, &out, io.Discard))
	require.Contains(t, out.String(), "simulator")
	require.NoError(t, run(t.Context(), []string{"serve", "--help"}, &out, io.Discard))
	for _, explained := range []string{"sinchtest Faults", "sinchtest Readings"} {
		require.Contains(t, strings.Join(strings.Fields(out.String()), " "), explained)
	}
	err := run(t.Context(), []string{"text", "--addr", "127.0.0.1:1", "--from", "+15559876543", "Hello"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "no simulator at 127.0.0.1:1")
}

func TestFlagsReachTheServer(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, "--mode", "DISPATCH", "--project", "p", "--app", "a", "--faults", `{"next":[{"fault":"error"}]}`, "--readings", `{"plus":true}`)
	get := func(path string, into any) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
	}
	var state map[string]any
	get("/phones", &state)
	require.Equal(t, "DISPATCH", state["mode"])
	require.Equal(t, "p", state["project_id"])
	require.Equal(t, "a", state["app_id"])

	var faults sinchtest.Faults
	get("/faults", &faults)
	require.Equal(t, []sinchtest.OneShot{{Fault: sinchtest.FaultError, Times: 1, On: sinchtest.OnSend}}, faults.Next)
	var readings sinchtest.Readings
	get("/readings", &readings)
	require.Equal(t, sinchtest.Readings{Plus: true}, readings)
}

// TestFirstByte: an attempt counts from its first byte, also if the rest of it
// comes late.
func TestFirstByte(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /v1/projects/p/messages:send HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n", addr)
	require.NoError(t, err)
	time.Sleep(200 * time.Millisecond)
	late := time.Now()
	_, err = io.WriteString(conn, "{}")
	require.NoError(t, err)
	_, err = io.ReadAll(conn)
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/attempts", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var answer struct{ Attempts []sinchtest.Attempt }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Len(t, answer.Attempts, 1)
	require.True(t, answer.Attempts[0].FirstByte.Before(late))
}

// TestOtherSites: a page on another site reaches the phones neither by posting to
// us nor by a name of its own that leads here.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, "--host", "phones.example.com")
	ask := func(method, path, host string, headers ...string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(`{"number":"+15559876543"}`))
		require.NoError(t, err)
		request.Host = host
		for pair := range slices.Chunk(headers, 2) {
			request.Header.Set(pair[0], pair[1])
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	_, port, _ := strings.Cut(addr, ":")
	for _, ours := range []string{addr, "localhost:" + port, "simulator:8090", "simulator", "[::1]:" + port, "phones.example.com", "PHONES.example.com.:" + port} {
		require.Equal(t, http.StatusOK, ask(http.MethodGet, "/phones", ours), ours)
	}
	for _, other := range []string{"evil.example:" + port, "evil.example.com", "phones.example.com.evil.example", "127.0.0.1.evil.example:" + port} {
		for _, path := range []string{"/", "/phones", "/log", "/events", "/v1/projects/p/messages"} {
			require.Equal(t, http.StatusMisdirectedRequest, ask(http.MethodGet, path, other), other+path)
		}
		require.Equal(t, http.StatusMisdirectedRequest, ask(http.MethodPost, "/phones", other), other)
	}
	require.Equal(t, http.StatusForbidden, ask(http.MethodPost, "/phones", addr, "Sec-Fetch-Site", "cross-site"))
	require.Equal(t, http.StatusForbidden, ask(http.MethodPost, "/phones", addr, "Origin", "http://evil.example"))
	require.Equal(t, http.StatusOK, ask(http.MethodPost, "/phones", addr, "Origin", "http://"+addr))
}
