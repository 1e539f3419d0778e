package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := NewFailures(func() time.Time { return now }, time.Second, 2)
	here, there := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("198.51.100.1")
	for range 2 {
		require.True(t, f.Left(here))
		require.True(t, f.Left(here), "to look takes nothing")
		require.True(t, f.Take(here))
	}
	require.False(t, f.Left(here))
	require.False(t, f.Take(here))
	require.True(t, f.Left(there) || f.share(there) == f.share(here))
	now = now.Add(time.Second)
	require.True(t, f.Take(here))
	require.False(t, f.Left(here))
}

// TestSourcesTakeNoMemory: a flood from very many sources.
func TestSourcesTakeNoMemory(t *testing.T) {
	t.Parallel()
	const first = 20
	s := NewFailures(time.Now, time.Hour, first)
	limited := 0
	for i := range 200_000 {
		source := address(fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff))
		if !s.Take(source) {
			limited++
		}
	}
	require.Greater(t, limited, 200_000-len(s.shares)*first-1, "they share a fixed number of limits")
	require.False(t, slices.Contains(s.shares[:], nil), "all of which are in use")
}
