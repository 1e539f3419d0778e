package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// usage counts all workers as one.
func (s *side) usage() (u usage, err error) {
	for pattern, part := range map[string]part{"temporal": server, "webhook": webhook, "worker-*": worker} {
		logs, err := filepath.Glob(filepath.Join(s.plan.Dir, pattern+".log"))
		if err != nil {
			return u, err
		}
		for _, log := range logs {
			pid, err := processOf(log)
			if err != nil {
				return u, err
			}
			used, err := processorTime(pid)
			if err != nil {
				return u, err
			}
			u[part] += used
		}
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return u, fmt.Errorf("reading our own processor time: %w", err)
	}
	u[simulator] = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	return u, nil
}

// processOf finds the process that writes to a log.
func processOf(log string) (pid int, err error) {
	outputs, err := filepath.Glob("/proc/[0-9]*/fd/1")
	if err != nil {
		return 0, err
	}
	for _, output := range outputs {
		if target, err := os.Readlink(output); err == nil && target == log {
			return strconv.Atoi(strings.Split(output, "/")[2])
		}
	}
	return 0, fmt.Errorf("no process writes to %s", log)
}

// ticks is what Linux counts processor time in, for programs on all its
// platforms that Go runs on.
const ticks = 100

func processorTime(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
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
func residentBytes(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	return float64(pages * os.Getpagesize()), err
}
