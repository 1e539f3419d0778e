package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

// A run that began before a change goes on as it did, and so does one that an
// older build continued.
func TestRunsKeepTheirVersion(t *testing.T) {
	t.Parallel()
	c := &run{Life: &wire.Life{Settings: wire.Settings{Version: firstRelease}}}
	require.True(t, c.has(firstRelease))
	require.False(t, c.has(firstRelease+1))
}
