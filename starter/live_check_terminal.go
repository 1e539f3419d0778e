package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"parley/internal/livecheck"
)

// A terminal is a person at one, with a phone.
type terminal struct {
	out   io.Writer
	tick  time.Duration // between two looks at the clock; 0: it is not shown
	turn  sync.Mutex    // held by who talks with the person
	lines <-chan string // nil: nobody types
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func newTerminal(in io.Reader, out io.Writer) *terminal {
	t := &terminal{out: out}
	if isTerminal(out) {
		t.tick = time.Second
	}
	if isTerminal(in) {
		t.lines = linesOf(in)
	}
	return t
}

// linesOf reads what is typed. The goroutine ends with the input.
func linesOf(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// Tell implements livecheck.Person.
func (t *terminal) Tell(words string) {
	t.turn.Lock()
	defer t.turn.Unlock()
	fmt.Fprintf(t.out, "\n%s\n", words)
}

// Do implements livecheck.Person.
func (t *terminal) Do(ctx context.Context, words string, within time.Duration) <-chan struct{} {
	t.turn.Lock()
	skip := "; Enter skips it"
	if t.lines == nil {
		skip = ""
	}
	fmt.Fprintf(t.out, "\n%s.\n(at most %s%s)\n", words, within.Round(time.Second), skip)
	skipped := make(chan struct{})
	go func() {
		defer t.turn.Unlock()
		defer t.clear()
		if t.countdown(ctx, time.Now().Add(within)) {
			close(skipped)
		}
	}()
	return skipped
}

// countdown shows how much time is left, and reports whether a line was typed.
func (t *terminal) countdown(ctx context.Context, until time.Time) (typed bool) {
	var ticks <-chan time.Time
	if t.tick > 0 {
		ticker := time.NewTicker(t.tick)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case _, open := <-t.lines:
			if open {
				return true
			}
			t.lines = nil
		case <-ticks:
			fmt.Fprintf(t.out, "\r%-12s", max(0, time.Until(until)).Round(time.Second))
		}
	}
}

// clear wipes the time that was left.
func (t *terminal) clear() {
	if t.tick > 0 {
		fmt.Fprintf(t.out, "\r%-12s\r", "")
	}
}

// Ask implements livecheck.Person.
func (t *terminal) Ask(ctx context.Context, question string) livecheck.Reply {
	t.turn.Lock()
	defer t.turn.Unlock()
	fmt.Fprintf(t.out, "\n%s [y/n] ", question)
	if t.lines == nil {
		fmt.Fprintln(t.out, "nobody is here to say it")
		return livecheck.Unknown
	}
	select {
	case <-ctx.Done():
	case line := <-t.lines:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return livecheck.Yes
		case "n", "no":
			return livecheck.No
		}
	}
	return livecheck.Unknown
}
