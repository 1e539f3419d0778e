package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"parley/internal/stack"
)

// A server is one of the cluster's two programs.
type server struct {
	name     string
	program  string
	args     []string
	settings map[string]string
	ready    func(context.Context, *stack.Process) bool

	runs    int
	process *stack.Process
}

// start returns when the server works.
func (s *server) start(ctx context.Context, dir string) error {
	s.runs++
	var err error
	if s.process, err = stack.Run(fmt.Sprintf("%s-%d", s.name, s.runs), s.program, dir, s.settings, s.args...); err != nil {
		return err
	}
	return s.process.Await(ctx, func(ctx context.Context) bool { return s.ready(ctx, s.process) })
}

// crash kills the server and starts it again, as an init system would: more than
// once, if what the dead one left behind is still in the way.
func (s *server) crash(ctx context.Context, dir string) error {
	begun := time.Now()
	s.process.Kill()
	err := s.start(ctx, dir)
	for err != nil && sleep(ctx, time.Second) {
		err = s.start(ctx, dir)
	}
	if err == nil {
		fmt.Fprintf(os.Stderr, "postgres: %s crashed, and works again after %s\n", s.name, time.Since(begun).Round(100*time.Millisecond))
	}
	return err
}

func (s *server) stop() error {
	if s.process == nil {
		return nil
	}
	select {
	case <-s.process.Done(): // it never worked, and has been reported
		return nil
	default:
		return s.process.Stop()
	}
}

// sleep waits, and reports whether ctx is still good.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
