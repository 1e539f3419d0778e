package main

import (
	"context"
	"sync"
	"time"

	"parley/internal/stack"
)

// restartPause is how long a program that ended by itself stays down: a worker
// ends when it starts while the server is away.
const restartPause = 300 * time.Millisecond

// A unit is one program that is started again whenever it ends, as an init
// system would.
type unit struct {
	name string
	run  func() (*stack.Process, error)

	mu      sync.Mutex
	process *stack.Process // nil while it is down
	down    time.Duration  // of the next restart
}

// keep keeps the program running until ctx is done, and then kills it.
func (u *unit) keep(ctx context.Context) error {
	for {
		p, err := u.run()
		if err != nil {
			return err
		}
		u.mu.Lock()
		u.process, u.down = p, restartPause
		u.mu.Unlock()
		select {
		case <-ctx.Done():
			p.Kill()
			return nil
		case <-p.Done():
		}
		u.mu.Lock()
		u.process = nil
		down := u.down
		u.mu.Unlock()
		if !sleep(ctx, down) {
			return nil
		}
	}
}

// kill ends the program as a crash would, and reports whether it ran.
func (u *unit) kill(down time.Duration) bool {
	u.mu.Lock()
	p := u.process
	if p != nil {
		u.process, u.down = nil, down
	}
	u.mu.Unlock()
	if p == nil {
		return false
	}
	p.Kill()
	return true
}

// sleep waits, and reports whether ctx is still good.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
