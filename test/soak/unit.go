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
	since   time.Time      // when it was started
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
		u.process, u.since, u.down = p, time.Now(), restartPause
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

// take is the running program, which is about to end; nil if it does not run.
func (u *unit) take(down time.Duration) *stack.Process {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.process
	if p != nil {
		u.process, u.down = nil, down
	}
	return p
}

// kill ends the program as a crash would, and reports whether it ran.
func (u *unit) kill(down time.Duration) bool {
	p := u.take(down)
	if p != nil {
		p.Kill()
	}
	return p != nil
}

// deploy ends the program as an operator would, and starts it again after a pause.
func (u *unit) deploy(down time.Duration) bool {
	p := u.take(down)
	if p != nil {
		_ = p.Stop() // how it ends does not matter here
	}
	return p != nil
}

// freeze stops the program where it is until ctx ends, or some time is over.
func (u *unit) freeze(ctx context.Context, d time.Duration) bool {
	p := u.running()
	if p == nil {
		return false
	}
	p.Freeze()
	defer p.Thaw()
	sleep(ctx, d)
	return true
}

// running is the program; nil while it is down.
func (u *unit) running() *stack.Process {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.process
}

// up reports whether the program has been running for so long.
func (u *unit) up(least time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.process != nil && time.Since(u.since) >= least
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
