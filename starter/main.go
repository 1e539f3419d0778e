// Command parley is the command line for applications and people: it starts
// scripts, sends texts, and shows what was said. It knows the settings and the
// screen; what a conversation is, packages conversation and workflows know.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"parley/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], settings.Environ(os.Environ()), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
