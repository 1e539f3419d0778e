package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// about says on what the figures were taken.
func (b *bench) about(context.Context) error {
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
	return nil
}
