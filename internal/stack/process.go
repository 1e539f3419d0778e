// Package stack runs Parley's programs as processes on this machine, for the
// demo and the end-to-end tests. It uses loopback only, and nothing of the
// user's own TEMPORAL_*, SINCH_*, AWS_* and PARLEY_* settings reaches them.
package stack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Process is one running program.
type Process struct {
	Name string
	Log  string // file with everything it printed
	cmd  *exec.Cmd
	done chan struct{}
	err  error
	once sync.Once
}

// Run starts a program with these arguments and settings, and nothing else
// from our environment that could lead it elsewhere.
func Run(name, program, dir string, settings map[string]string, args ...string) (*Process, error) {
	file, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()   // the child has its own descriptor
	cmd := exec.Command(program, args...) //nolint:noctx // our own programs, which outlive any one context
	cmd.Env = Environment(dir, settings)
	cmd.Stdout, cmd.Stderr = file, file
	// Its own group: Ctrl-C in the terminal reaches the demo, which stops the rest in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{Name: name, Log: file.Name(), cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Environment is what a program sees of ours, and its settings.
func Environment(dir string, settings map[string]string) []string {
	env := []string{
		// The Temporal SDK and CLI read a profile file from the user's folder.
		"TEMPORAL_CONFIG_FILE=" + filepath.Join(dir, "no-profile.toml"),
		// Nobody balances load on this machine.
		"PARLEY_SHUTDOWN_DELAY=0s",
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !foreign(name) {
			env = append(env, pair)
		}
	}
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return env
}

func foreign(name string) bool {
	for _, prefix := range []string{"TEMPORAL_", "SINCH_", "AWS_", "OTEL_", "PARLEY_"} {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return true
		}
	}
	return strings.HasSuffix(strings.ToUpper(name), "_PROXY")
}

// ID is the program's process id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the program to end, and kills it after a while.
func (p *Process) Stop() error {
	p.once.Do(func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) })
	select {
	case <-p.done:
		return p.err
	case <-time.After(30 * time.Second):
		p.Kill()
		return fmt.Errorf("%s did not stop within 30 s and was killed", p.Name)
	}
}

// Kill ends the program at once, as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Freeze stops the program where it is, as a machine does that is suspended. It
// keeps its connections.
func (p *Process) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen program go on.
func (p *Process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Await polls until ready says so. It gives up when ctx is done or the program
// has ended, and then says what the program said last.
func (p *Process) Await(ctx context.Context, ready func(context.Context) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.Name, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.Name, ctx.Err(), p.lastWords())
		}
	}
	return nil
}

func (p *Process) lastWords() string {
	log, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// Said reports whether the program's log contains the words.
func (p *Process) Said(words string) bool {
	log, err := os.ReadFile(p.Log)
	return err == nil && strings.Contains(string(log), words)
}

// Answers reports whether a GET of the URL is answered 200.
func Answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.StatusCode == http.StatusOK && response.Body.Close() == nil
}
