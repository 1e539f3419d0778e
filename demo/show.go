package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"parley/internal/stack"
)

const phone = "+15559876543"

// show runs an installation until it is interrupted.
func show(ctx context.Context) error {
	cli, err := exec.LookPath("temporal")
	if err != nil {
		cli = ""
		if err := buildDevserver(ctx); err != nil {
			return err
		}
	}
	fmt.Println("Building Parley …")
	if err := build(ctx, "worker", "webhook", "parley", "simulator"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	i, err := stack.Plan(bin, dir, true)
	if err != nil {
		return err
	}
	defer i.Stop()
	worker, err := start(ctx, i, cli)
	if err != nil {
		return err
	}
	if err := parley(ctx, i, "appointment", "--id", "demo-1", "--to", phone, "--name", "Ana", "--business", "Harbor Dental",
		"--start", dayAfterTomorrow().Format(time.RFC3339), "--zone", zone(), "--now"); err != nil {
		return err
	}
	fmt.Printf(`
Parley runs.

  The phone         %s/?phone=%%2B%s
  The conversation  %s/namespaces/default/workflows/conversation:%%2B%s
  The script        %s/namespaces/default/workflows/appointment:demo-1
  The logs          %s

Answer on the phone: "Can we reschedule?"

  k   kills the worker, as a crash would: what you write meanwhile waits
  r   rebuilds and restarts the worker, while conversations wait
  q   or Ctrl-C stops everything
(each with Enter)

`, i.Sinch, phone[1:], i.UI, phone[1:], i.UI, dir)

	keys := make(chan string)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			keys <- strings.TrimSpace(lines.Text())
		}
	}()
	ended := worker.Done()
	for {
		select {
		case <-ctx.Done():
			fmt.Println("\nStopping.")
			return nil
		case <-ended:
			ended = nil
			fmt.Printf("The worker has ended, its log is %s. Conversations wait for r.\n", worker.Log)
		case key := <-keys:
			switch key {
			case "q":
				return nil
			case "k":
				worker.Kill()
			case "r":
				fmt.Println("Rebuilding the worker …")
				if err := build(ctx, "worker"); err != nil {
					fmt.Println(err) // the old one goes on
					continue
				}
				ended = nil
				_ = worker.Stop() // it may have ended badly before
				next, err := i.StartWorker(ctx)
				if err != nil {
					fmt.Println(err)
					continue
				}
				fmt.Println("The worker runs again.")
				worker, ended = next, next.Done()
			}
		}
	}
}

// start starts everything but the command line, in order.
func start(ctx context.Context, i *stack.Installation, cli string) (worker *stack.Process, err error) {
	if _, err := i.StartServer(ctx, cli); err != nil {
		return nil, err
	}
	if _, err := i.StartSimulator(ctx, "--phone", phone); err != nil {
		return nil, err
	}
	worker, err = i.StartWorker(ctx)
	if err != nil {
		return nil, err
	}
	_, err = i.StartWebhook(ctx)
	return worker, err
}

// parley runs the command line, as the business's own system would.
func parley(ctx context.Context, i *stack.Installation, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "parley"), args...) //nolint:gosec // our own program
	cmd.Env = stack.Environment(i.Dir, i.Settings)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("parley %s: %s", args[0], strings.TrimSpace(string(output)))
	}
	return nil
}

// dayAfterTomorrow is a time at which a dentist works.
func dayAfterTomorrow() time.Time {
	year, month, day := time.Now().Date()
	return time.Date(year, month, day+2, 10, 30, 0, 0, time.Local)
}

func zone() string {
	if name := time.Local.String(); name != "Local" && name != "" {
		return name
	}
	return "UTC"
}
