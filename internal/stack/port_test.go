package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// many are so many ports that some would be the same if chance alone chose them.
const many = 200

// TestMain lets the test binary be a program that takes ports and keeps them.
func TestMain(m *testing.M) {
	if os.Getenv("TAKE_PORTS") == "" {
		os.Exit(m.Run())
	}
	for range many {
		port, err := Port(0)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(port)
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is closed
}

// TestPortIsNobodyElses: what processes take at the same time is different,
// although none of them listens there.
func TestPortIsNobodyElses(t *testing.T) {
	owner := map[string]int{}
	for process := range 4 {
		taker := exec.CommandContext(context.Background(), os.Args[0]) //nolint:gosec // this program, and not by t.Context(), which ends before the cleanups
		taker.Env = append(os.Environ(), "TAKE_PORTS=1")
		goOn, err := taker.StdinPipe()
		require.NoError(t, err)
		said, err := taker.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, taker.Start())
		t.Cleanup(func() {
			require.NoError(t, goOn.Close())
			require.NoError(t, taker.Wait())
		})
		for range many {
			var port string
			_, err := fmt.Fscanln(said, &port)
			require.NoError(t, err)
			before, taken := owner[port]
			require.False(t, taken, "%s is process %d's, and now %d's", port, before, process)
			owner[port] = process
		}
	}
}

func TestPortIsTheWantedOne(t *testing.T) {
	wanted, err := Port(0)
	require.NoError(t, err)
	got, err := Port(wanted)
	require.NoError(t, err)
	require.Equal(t, wanted, got)

	somebody, err := listen(wanted)
	require.NoError(t, err)
	defer func() { require.NoError(t, somebody.Close()) }()
	got, err = Port(wanted)
	require.NoError(t, err)
	require.NotEqual(t, wanted, got)
}
