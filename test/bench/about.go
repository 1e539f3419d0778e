package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// about says on what the figures were taken.
func (b *bench) about() {
	sdk := "?"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "go.temporal.io/sdk" {
				sdk = module.Version
			}
		}
	}
	fmt.Fprintf(b.out, "%s: %d processors; %s, Temporal SDK %s; server in memory, everything on one machine\n",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), sdk)
	if b.tuned {
		fmt.Fprintln(b.out, "the floor has Parley's options of worker and connection")
	}
}
