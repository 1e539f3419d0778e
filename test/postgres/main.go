// Command postgres runs the end-to-end tests and a short proof on what
// docker-compose.yml runs, without containers: PostgreSQL, a full Temporal server
// of the version and with the settings of that file, set up by its scripts, and
// two workers and two webhooks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
}

// run starts everything, runs the tests, and ends everything.
func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("postgres", flag.ContinueOnError)
	tests := flags.String("run", ".", "which end-to-end tests, as for go test")
	parallel := flags.Int("parallel", 2, "how many of them at the same time")
	load := flags.Duration("soak", 30*time.Second, "how long contacts write in the proof; 0: no proof")
	bound := flags.Duration("timeout", 30*time.Minute, "how long all of it may take")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *bound)
	defer cancel()

	c, err := newCluster()
	if err != nil {
		return err
	}
	defer func() { c.stop(err != nil) }()
	begun := time.Now()
	if err := c.start(ctx); err != nil {
		return err
	}
	fmt.Printf("%s and Temporal at %s are up after %s\n", c.version, c.address, since(begun))
	if err := c.endToEnd(ctx, *tests, *parallel); err != nil {
		return err
	}
	if *load == 0 {
		return nil
	}
	return c.proof(ctx, *load)
}

// endToEnd runs the end-to-end tests on the cluster.
func (c *cluster) endToEnd(ctx context.Context, run string, parallel int) error {
	binary := filepath.Join(c.dir, "e2e.test")
	if err := command(ctx, "go", "test", "-c", "-o", binary, "./test").Run(); err != nil {
		return fmt.Errorf("building the end-to-end tests: %w", err)
	}
	begun := time.Now()
	tests := command(ctx, binary, "-test.run="+run, fmt.Sprint("-test.parallel=", parallel), "-test.timeout=0")
	tests.Dir = "test"
	tests.Env = append(os.Environ(), "PARLEY_TEST_TEMPORAL="+c.address, "PARLEY_TEST_TEMPORAL_METRICS="+c.metrics)
	if err := tests.Run(); err != nil {
		return fmt.Errorf("end-to-end tests: %w", err)
	}
	fmt.Println("end-to-end tests: passed in", since(begun))
	return nil
}

// proof runs the short proof of the promises on the cluster, and has both servers
// crash once while contacts write.
func (c *cluster) proof(ctx context.Context, load time.Duration) error {
	binary := filepath.Join(c.dir, "soak")
	if err := command(ctx, "go", "build", "-o", binary, "./test/soak").Run(); err != nil {
		return fmt.Errorf("building the proof: %w", err)
	}
	crashing, calm := context.WithCancel(ctx)
	crashed := make(chan error, 1)
	go func() { crashed <- c.crashes(crashing, load/3) }()
	err := command(ctx, binary, "-temporal", c.address, "-for", load.String(), "-contacts", "20", "-with", "none").Run()
	calm()
	if wrong := <-crashed; wrong != nil {
		err = errors.Join(err, fmt.Errorf("a server did not come back: %w", wrong))
	}
	if err != nil {
		return fmt.Errorf("the proof: %w", err)
	}
	return nil
}

// crashes kills one server after the other.
func (c *cluster) crashes(ctx context.Context, pause time.Duration) error {
	for _, s := range []*server{c.temporal, c.postgres} {
		if !sleep(ctx, pause) {
			return nil
		}
		if err := s.crash(ctx, c.dir); err != nil {
			return err
		}
	}
	return nil
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(time.Second) }

// command is a program whose words are ours. When time is up it is asked to end,
// so that it can end what it started.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 30 * time.Second
	return c
}

// program is where make builds one.
func program(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(".bin", name))
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", name, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run make test-postgres", path)
	}
	return path, nil
}
