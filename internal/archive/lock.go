package archive

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lockPause is how often a lock that another process holds is tried.
const lockPause = 10 * time.Millisecond

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
