// Command demo runs all of Parley on this machine, with phones in the browser.
// With the word "play" it plays both flows by itself and checks them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return show(ctx)
	case len(args) == 1 && args[0] == "play":
		return play(ctx)
	default:
		return errors.New("usage: demo [play]")
	}
}
