//go:build !windows

package archive_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/internal/archive"
)

// The test program is also the other process: with these set it stores batches
// and says after each that it is safe.
const (
	childDir   = "ARCHIVE_TEST_DIR"
	childRun   = "ARCHIVE_TEST_RUN"
	childCount = "ARCHIVE_TEST_COUNT"
	childBytes = "ARCHIVE_TEST_BYTES"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child() error {
	d, err := archive.OpenDirectory(os.Getenv(childDir))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(os.Getenv(childCount))
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(os.Getenv(childBytes))
	if err != nil {
		return err
	}
	for n := 1; n <= count; n++ {
		batch := []activities.Record{ours(ana, os.Getenv(childRun), 2*n-1), ours(ana, os.Getenv(childRun), 2*n)}
		batch[0].Line.Text = strings.Repeat("x", size)
		if err := d.Store(context.Background(), batch); err != nil {
			return err
		}
		fmt.Println(batch[1].Key)
	}
	return nil
}

// another starts a process that stores count batches of about so many bytes.
func another(t *testing.T, dir, run string, count, size int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRun+"="+run, childCount+"="+strconv.Itoa(count), childBytes+"="+strconv.Itoa(size))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

func runID(n int) string { return fmt.Sprintf("0198a7c2-%04d-7000-8000-000000000000", n) }

// Several workers share the folder, and one conversation may be stored by two at
// a time when one was given up too early.
func TestProcessesTakeTurns(t *testing.T) {
	t.Parallel()

	const processes, batches = 3, 12
	root := t.TempDir()
	var running sync.WaitGroup
	for i := range processes {
		cmd, acks := another(t, root, runID(i), batches, 20_000)
		running.Go(func() {
			for acks.Scan() {
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	d := open(t, root) // and this process reads and writes all the while
	for n := range batches {
		store(t, d, ours(ana, anas1, n+1))
		require.GreaterOrEqual(t, len(keys(t, d, ana, 1000)), n+1)
	}
	running.Wait()

	raw, err := os.ReadFile(only(t, root))
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
	require.Len(t, lines, processes*batches*2+batches)
	for _, line := range lines {
		require.True(t, json.Valid(line))
	}
	for i := range processes {
		_, err := d.Find(t.Context(), fmt.Sprintf("%s-%d", runID(i), 2*batches))
		require.NoError(t, err)
	}
}

// A contact may be erased while a worker, or a conversation that has just begun
// again, stores: each record that was said to be safe is either erased or still
// there, and none ends in a file that has no name any more.
func TestEraseWhileOthersStore(t *testing.T) {
	t.Parallel()

	const processes, batches = 2, 40
	root := t.TempDir()
	d := open(t, root)
	var running sync.WaitGroup
	for i := range processes {
		cmd, acks := another(t, root, runID(i), batches, 5_000)
		running.Go(func() {
			for acks.Scan() {
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	var erased, rounds int
	erase := func() {
		n, err := d.Erase(t.Context(), ana)
		require.NoError(t, err)
		erased += n
		rounds++
	}
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			erase()
		}
	}
	erase()
	t.Logf("%d records in %d rounds", erased, rounds)
	require.Equal(t, processes*batches*2, erased)
	require.Empty(t, keys(t, d, ana, 1000))
	// What a process wrote into the index after its records were erased is
	// forgotten with them.
	require.Empty(t, files(t, root))
}

// What a process said was safe is there after it was killed in the middle of
// writing more, and the next one writes on.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()

	const processes = 6
	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	file := only(t, root)
	safe := []string{anas1 + "-1"}
	for i := range processes {
		cmd, acks := another(t, root, runID(i), 1_000_000, 1_000_000)
		require.True(t, acks.Scan())
		safe = append(safe, acks.Text())
		for size := sizeOf(t, file); sizeOf(t, file) == size; {
			runtime.Gosched() // it is at the next batch, and begins to write
		}
		require.NoError(t, cmd.Process.Kill())
		for acks.Scan() { // what it had said before it died
			safe = append(safe, acks.Text())
		}
		require.Error(t, cmd.Wait())
	}
	store(t, d, ours(ana, anas1, 2))
	safe = append(safe, anas1+"-2")

	kept := keys(t, d, ana, 1_000_000)
	for _, key := range safe {
		require.Contains(t, kept, key)
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(raw, []byte("\n")))
	var torn int
	for line := range bytes.Lines(raw) {
		if !json.Valid(line) {
			torn++
		}
	}
	t.Logf("%d batches, %d torn lines", len(safe), torn)
	require.LessOrEqual(t, torn, processes, "one for each that was killed")
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// A process that was stopped while it held the lock must not hold us too.
func TestStoreEndsWithItsContext(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	held, err := os.Open(only(t, root))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = d.Store(ctx, []activities.Record{ours(ana, anas1, 2)})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "waiting for another process")
	require.Equal(t, []string{anas1 + "-1"}, keys(t, d, ana, 20), "reading needs no lock")

	require.NoError(t, held.Close())
	store(t, d, ours(ana, anas1, 2))
	require.Len(t, keys(t, d, ana, 20), 2)
}

// The folder can be moved, and emptied, under a worker that runs.
func TestFolderIsReplaced(t *testing.T) {
	t.Parallel()

	root := filepath.Join(t.TempDir(), "archive")
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	require.NoError(t, os.Rename(root, root+".old"))
	store(t, d, ours(ana, anas1, 2))
	require.Equal(t, []string{anas1 + "-2"}, keys(t, d, ana, 20))
	require.Equal(t, []string{anas1 + "-1"}, keys(t, open(t, root+".old"), ana, 20))
}
