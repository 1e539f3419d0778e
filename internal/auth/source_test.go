package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// from makes a request come from somewhere.
func from(r *http.Request, peer string, forwarded ...string) *http.Request {
	r.RemoteAddr = peer
	r.Header["X-Forwarded-For"] = forwarded
	return r
}

func TestSource(t *testing.T) {
	t.Parallel()
	known, err := ParseProxies([]string{"10.0.0.0/8", " 192.0.2.7", "2001:db8:1::/48", ""})
	require.NoError(t, err)
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"a peer", "203.0.113.5:1234", nil, "203.0.113.5"},
		{"a peer on Lambda", "203.0.113.5", nil, "203.0.113.5"},
		{"a peer that says it is a proxy", "203.0.113.5:1234", []string{"198.51.100.1"}, "203.0.113.5"},
		{"a proxy", "10.1.2.3:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy by its address", "192.0.2.7:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"its neighbour", "192.0.2.8:1", []string{"198.51.100.1"}, "192.0.2.8"},
		{"two proxies", "10.1.2.3:1234", []string{"198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"two proxies with a header each", "10.1.2.3:1234", []string{"198.51.100.1", "10.9.9.9"}, "198.51.100.1"},
		{"what the client made up stands before", "10.1.2.3:1234", []string{"127.0.0.1, 10.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		{"only proxies", "10.1.2.3:1234", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"a proxy that says nothing", "10.1.2.3:1234", nil, "10.1.2.3"},
		{"a proxy that says nonsense", "10.1.2.3:1234", []string{"unknown"}, "10.1.2.3"},
		{"nonsense before a proxy", "10.1.2.3:1234", []string{"<script>, 10.0.0.1"}, "10.0.0.1"},
		{"with a port", "10.1.2.3:1234", []string{"198.51.100.1:555"}, "198.51.100.1"},
		{"IPv6, by network", "[2001:db8:2:3:4:5:6:7]:1234", nil, "2001:db8:2:3::"},
		{"IPv6 behind a proxy", "[2001:db8:1::1]:1234", []string{"2001:db8:2:3:4:5:6:7"}, "2001:db8:2:3::"},
		{"IPv4 in IPv6", "[::ffff:10.1.2.3]:1234", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"with a zone", "[fe80::1%eth0]:1234", nil, "fe80::"},
		{"nothing", "", nil, "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := from(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), tt.peer, tt.forwarded...)
			require.Equal(t, tt.want, known.Source(r).String())
		})
	}
	for _, wrong := range []string{"ten", "10.0.0.0/33", "10.0.0.0/8;192.0.2.7"} {
		_, err := ParseProxies([]string{wrong})
		require.ErrorContains(t, err, "write networks such as 10.0.0.0/8")
	}
}

// FuzzSource: a stranger never passes for another source than its own address.
func FuzzSource(f *testing.F) {
	f.Add("203.0.113.5:1234", "198.51.100.1")
	f.Add("10.1.2.3:1234", "198.51.100.1, 10.0.0.1")
	f.Add("[2001:db8::1%eth0]:80", "::ffff:10.0.0.1,,unknown")
	f.Add("", ",")
	known, err := ParseProxies([]string{"10.0.0.0/8", "2001:db8:1::/48"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := from(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), peer, forwarded)
		source := known.Source(r)
		r.Header.Del("X-Forwarded-For")
		if at := address(peer); !known.has(at) {
			require.Equal(t, known.Source(r), source)
		}
		require.Empty(t, source.Zone())
		require.True(t, NewFailures(time.Now, time.Second, 1).Take(source))
	})
}
