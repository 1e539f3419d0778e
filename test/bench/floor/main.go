// Command floor is the least that one has to write on Temporal for what Parley
// is measured at: the same callbacks in, the same texts out, on the same server,
// and nothing besides. It keeps no order between senders, drops no duplicates,
// forgets its state, and is of no use but to compare with. Its name says what it
// does: webhook or worker.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const taskQueue = "floor"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, filepath.Base(os.Args[0]))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	options := client.Options{
		HostPort: os.Getenv("TEMPORAL_ADDRESS"),
		Logger:   log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
	}
	if tuned() {
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	temporal, err := client.Dial(options)
	if err != nil {
		return fmt.Errorf("reaching Temporal: %w", err)
	}
	defer temporal.Close()
	switch name {
	case "webhook":
		return serve(ctx, hook{temporal: temporal, workflow: os.Getenv("FLOOR_WORKFLOW")})
	case "worker":
		return work(ctx, temporal)
	}
	return errors.New("build it as webhook or worker")
}

// tuned is for who wants to know what Parley's own work costs: the floor then has
// the options that Parley has, instead of the defaults.
func tuned() bool { return os.Getenv("FLOOR_TUNED") != "" }

func work(ctx context.Context, temporal client.Client) error {
	carrier, err := newCarrier(ctx)
	if err != nil {
		return err
	}
	var options worker.Options
	if tuned() {
		options.MaxConcurrentWorkflowTaskPollers, options.MaxConcurrentActivityTaskPollers = 16, 16
	}
	w := worker.New(temporal, taskQueue, options)
	w.RegisterWorkflowWithOptions(turn, workflow.RegisterOptions{Name: turnWorkflow})
	w.RegisterWorkflowWithOptions(line, workflow.RegisterOptions{Name: lineWorkflow})
	w.RegisterWorkflowWithOptions(script, workflow.RegisterOptions{Name: "Script"})
	w.RegisterActivity(&activities{carrier: carrier, temporal: temporal})
	if err := w.Start(); err != nil {
		return fmt.Errorf("starting to work: %w", err)
	}
	fmt.Println("ready")
	<-ctx.Done()
	w.Stop()
	return nil
}
