package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockPause is how often a lock that another process holds is tried.
const lockPause = 10 * time.Millisecond

// openLocked opens a file that no other process writes to until it is closed. A
// file that was erased while the lock was waited for is opened again: what is
// written to one without a name is lost.
func openLocked(ctx context.Context, path string, flag int) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, flag, 0o600)
		if err != nil {
			return nil, err
		}
		named := false
		if err = lock(ctx, file); err == nil {
			named, err = isNamed(file, path)
		}
		if named {
			return file, nil
		}
		_ = file.Close()
		if err != nil {
			return nil, err
		}
	}
}

func isNamed(file *os.File, path string) (bool, error) {
	ours, err := file.Stat()
	if err != nil {
		return false, err
	}
	theirs, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(ours, theirs), err
}

// lock keeps other processes from writing to a file until it is closed, which it
// also is when this process is killed. It tries again and again instead of
// waiting in the system, where the context could not end it.
func lock(ctx context.Context, file *os.File) error {
	for {
		locked, err := tryLock(file)
		if locked || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for another process to finish writing: %w", ctx.Err())
		case <-time.After(lockPause):
		}
	}
}
