// Command promises tries what Parley promises where an outside attack broke it,
// and prints which promises hold. Its tests are those of this folder; make test
// skips the ones that are not kept yet, each with its reason.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "promises:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("a promise is broken")

// tryAll is the setting with which a test is run although its promise is broken.
const tryAll = "PARLEY_PROMISES"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("promises", flag.ContinueOnError)
	flags.SetOutput(stderr)
	tests := flags.String("run", ".", "which promises, as for go test")
	parallel := flags.Int("parallel", 3, "how many of them at the same time")
	verbose := flags.Bool("v", false, "print what the tests say")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}

	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout=30m", //nolint:gosec // a developer's own arguments
		fmt.Sprint("-parallel=", *parallel), "-run="+*tests, "./test/promises")
	command.Env = append(os.Environ(), tryAll+"=1")
	command.Stderr = stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	printed, err := command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running the tests: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("running the tests: %w", err)
	}
	loud := io.Discard
	if *verbose {
		loud = stderr
	}
	rows := read(printed, loud, stderr)
	failed := command.Wait()
	if len(rows) == 0 {
		return errors.Join(errors.New("no promise was tried"), failed)
	}
	table(stdout, rows)
	if slices.ContainsFunc(rows, func(r row) bool { return r.verdict == broken || r.verdict == cutShort }) {
		return errBroken
	}
	return nil
}

// A row is one promise, and what became of it.
type row struct {
	test, promise, verdict, figures string
	took                            time.Duration
}

const (
	holds   = "holds"
	broken  = "BROKEN"
	skipped = "not tried"

	cutShort = "no verdict: the tests ended before it" // by a panic, or a timeout
)

// read follows the tests' events. A test that says "promise: …" is a row, with
// what it says after "figures: ".
func read(from io.Reader, loud, progress io.Writer) []row {
	var rows []row
	of := map[string]int{} // by test
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Action, Test, Output string
			Elapsed              float64
		}
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue // the compiler's words go to standard error
		}
		_, _ = io.WriteString(loud, event.Output)
		if _, promise, ok := strings.Cut(event.Output, "promise: "); ok {
			of[event.Test] = len(rows)
			rows = append(rows, row{test: event.Test, promise: strings.TrimSpace(promise), verdict: cutShort})
		}
		i, known := of[event.Test]
		if !known {
			continue
		}
		if _, figures, ok := strings.Cut(event.Output, "figures: "); ok {
			rows[i].figures = strings.TrimSpace(figures)
		}
		verdict := map[string]string{"pass": holds, "fail": broken, "skip": skipped}[event.Action]
		if verdict == "" {
			continue
		}
		rows[i].verdict, rows[i].took = verdict, time.Duration(event.Elapsed*float64(time.Second))
		_, _ = fmt.Fprintf(progress, "promises: %s: %s in %.0f s\n", event.Test, verdict, event.Elapsed)
	}
	return rows
}

func table(to io.Writer, rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.test, b.test) })
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	kept := 0
	_, _ = fmt.Fprintln(t, "promise\tholds or not\tseconds\tcommand\tfigures")
	for _, r := range rows {
		if r.verdict == holds {
			kept++
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%.0f\tmake promises ARGS='-run %s$'\t%s\n", r.promise, r.verdict, r.took.Seconds(), strings.ReplaceAll(r.test, "/", "$/"), r.figures)
	}
	_ = t.Flush()
	_, _ = fmt.Fprintf(to, "%d of %d promises hold\n", kept, len(rows))
}
