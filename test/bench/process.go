package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parley/internal/stack"
)

// A part of an installation whose processor time is told apart.
type part int

const (
	server part = iota
	worker
	webhook
	simulator // and the phones: this process
	parts
)

var partNames = [parts]string{"server", "worker", "webhook", "carrier and phones"}

// usage is the processor time that each part has used so far.
type usage [parts]time.Duration

func (u usage) since(before usage) usage {
	for i := range u {
		u[i] -= before[i]
	}
	return u
}

// milliseconds of each part, and of all of them.
func (u usage) milliseconds() []float64 {
	var each []float64
	sum := 0.0
	for _, d := range u {
		ms := float64(d.Microseconds()) / 1000
		each = append(each, ms)
		sum += ms
	}
	return append(each, sum)
}

func (s *side) usage() (u usage, err error) {
	for part, p := range map[part]*stack.Process{server: s.server, worker: s.worker, webhook: s.webhook} {
		if u[part], err = processorTime(p); err != nil {
			return u, err
		}
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return u, fmt.Errorf("reading our own processor time: %w", err)
	}
	u[simulator] = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	return u, nil
}

// ticks is what Linux counts processor time in, for programs on all its
// platforms that Go runs on.
const ticks = 100

func processorTime(p *stack.Process) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.ID()))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold blanks; utime and stime are fields 14 and 15.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	var sum int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading processor time: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// residentBytes is the memory of a process that is not swapped out.
func residentBytes(p *stack.Process) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.ID()))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	return float64(pages * os.Getpagesize()), err
}
