package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

// TestOutcomeFor: each script hears the endings that it knows.
func TestOutcomeFor(t *testing.T) {
	t.Parallel()
	for _, kind := range wire.EndKinds()[:8] {
		require.Equal(t, kind, wire.Outcome{Kind: kind}.For(0).Kind, "scripts of the first release know it")
	}
	for i, kind := range wire.EndKinds()[8:] {
		require.Equal(t, wire.Outcome{Kind: wire.EndUndeliverable, Reason: string(kind)}, wire.Outcome{Kind: kind}.For(8+i))
		require.Equal(t, kind, wire.Outcome{Kind: kind}.For(9+i).Kind)
	}
}
