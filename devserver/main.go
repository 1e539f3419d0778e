// Command devserver runs a real Temporal server and its web UI in one process,
// for demonstrations and tests. It takes the flags of "temporal server
// start-dev", so the SDK's testsuite.StartDevServer can run it too.
//
// It is not for production: it has neither authentication nor encryption, and
// keeps everything in one SQLite database.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a clean stop, a second one ends the process.
	context.AfterFunc(ctx, stop)

	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done. Its errors are for the person at the terminal:
// one line that says which flag to change.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parseFlags(args)
	if err != nil {
		return err
	}
	srv, err := start(ctx, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-9s%s\n", "Server:", hostPort(s.IP, s.Port))
	if s.HTTPPort != 0 {
		fmt.Fprintf(out, "%-9shttp://%s\n", "HTTP:", hostPort(s.IP, s.HTTPPort))
	}
	if !s.Headless {
		fmt.Fprintf(out, "%-9shttp://%s%s\n", "UI:", hostPort(s.UIIP, s.UIPort), s.UIPublicPath)
	}
	if s.MetricsPort != 0 {
		fmt.Fprintf(out, "%-9shttp://%s%s\n", "Metrics:", hostPort(s.IP, s.MetricsPort), metricsPath)
	}
	<-ctx.Done()
	return srv.stop()
}
