package program_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/program"
	"parley/internal/settings"
)

// TestMain is a program when a test has started it as one.
func TestMain(m *testing.M) {
	switch about := (program.About{Name: "tried"}); os.Getenv("PARLEY_TRIED") {
	case "fails":
		about.Main(func(context.Context, []string, settings.Env, io.Writer, io.Writer) error {
			return errors.New("no way to +15559876543")
		})
	case "waits", "hangs":
		about.Main(func(ctx context.Context, _ []string, env settings.Env, stdout, _ io.Writer) error {
			_, _ = io.WriteString(stdout, "begun\n")
			<-ctx.Done()
			_, _ = io.WriteString(stdout, "ending\n")
			if env["PARLEY_TRIED"] == "hangs" {
				time.Sleep(time.Minute)
			}
			return nil
		})
	default:
		os.Exit(m.Run())
	}
}

func tried(t *testing.T, how string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), self) //nolint:gosec // this test
	c.Env = append(os.Environ(), "PARLEY_TRIED="+how)
	return c
}

func TestFails(t *testing.T) {
	t.Parallel()
	c := tried(t, "fails")
	out, err := c.CombinedOutput()
	require.Equal(t, "tried: no way to +1•••543\n", string(out))
	require.Equal(t, 1, c.ProcessState.ExitCode(), err)
}

// TestSignals: the first one asks a program to end, the second one ends it.
func TestSignals(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"waits": "exit status 0", "hangs": "signal: terminated"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := tried(t, how)
			out, err := c.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, c.Start())
			expect(t, out, "begun\n")
			require.NoError(t, c.Process.Signal(syscall.SIGTERM))
			expect(t, out, "ending\n")
			ended := make(chan struct{})
			go func() { defer close(ended); _ = c.Wait() }()
			for {
				select {
				case <-ended:
					require.Equal(t, want, c.ProcessState.String())
					return
				case <-time.After(10 * time.Millisecond):
					if how == "hangs" {
						_ = c.Process.Signal(syscall.SIGTERM)
					}
				}
			}
		})
	}
}

func expect(t *testing.T, out io.Reader, line string) {
	t.Helper()
	read := make([]byte, len(line))
	_, err := io.ReadFull(out, read)
	require.NoError(t, err)
	require.Equal(t, line, string(read))
}
