package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// about says on what the figures were taken.
func (b *bench) about() {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := "?"
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(raw), " ")
	}
	sdk := "?"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "go.temporal.io/sdk" {
				sdk = module.Version
			}
		}
	}
	fmt.Fprintf(b.out, "%s: %d × %s, load %s before; %s, Temporal SDK %s; server in memory, everything on one machine\n",
		time.Now().Format("2006-01-02"), runtime.NumCPU(), model, load, runtime.Version(), sdk)
	if b.tuned {
		fmt.Fprintln(b.out, "the floor has Parley's options of worker and connection")
	}
}

// jiffies is what the processors did since the machine was started.
type jiffies struct{ all, idle, stolen float64 }

func processors() (j jiffies) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return j
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	// user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
	for i, field := range strings.Fields(first)[1:9] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return jiffies{}
		}
		j.all += n
		switch i {
		case 3, 4:
			j.idle += n
		case 7:
			j.stolen = n
		}
	}
	return j
}

// since tells how much the machine was worth: what others on the same host took
// away is missing on both sides, but not evenly.
func (j jiffies) since(before jiffies) string {
	all := max(1, j.all-before.all)
	return fmt.Sprintf("of the processors' time %.0f %% was idle, and %.0f %% stolen by other machines on the host",
		100*(j.idle-before.idle)/all, 100*(j.stolen-before.stolen)/all)
}
