package lookout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestToldOnce: what was told is not told again while it is seen, unless it could
// not be told, and it is not remembered for ever.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	var l Lookout
	require.True(t, l.new("a"))
	require.False(t, l.new("a"))
	l.again("a")
	require.True(t, l.new("a"))

	l.known["a"] = time.Now().Add(-before)
	l.forget()
	require.False(t, l.new("a"), "a look may still find it")
	l.known["a"] = time.Now().Add(-time.Hour)
	l.new("b")
	l.forget()
	require.Len(t, l.known, 1)
	require.True(t, l.new("a"))
}
