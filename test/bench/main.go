// Command bench measures Parley beside the least that does the same on Temporal
// (./floor), on the same server, with the same carrier: in rounds, each on a
// fresh server, in alternating order. On one machine the figures themselves say
// little; their ratios are what counts. The last line is one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// programs is the folder with Parley's own, as make build leaves them.
const programs = ".bin"

// bench is one run: what to measure, how long, and what was found.
type bench struct {
	out    io.Writer
	floor  string // folder with the floor's programs
	tuned  bool   // the floor
	size   size
	rounds int
	report report
}

// size says how much work each measurement is.
type size struct {
	contacts int           // who text in a round
	turns    int           // at saturation
	flight   int           // of them at the same time
	steady   time.Duration // at a fixed rate
	scripts  int           // started at once
	answers  int           // of scripts, at saturation
	open     int           // conversations in memory
	long     int           // turns of a long conversation
	takenUp  int           // conversations taken up again
	inOutage int           // messages in an outage
}

var (
	full  = size{384, 800, 64, 8 * time.Second, 2000, 800, 2000, 10, 100, 50}
	quick = size{96, 200, 32, 3 * time.Second, 200, 100, 200, 5, 20, 5}
)

func run(ctx context.Context, args []string, out io.Writer) error {
	b := bench{out: out, size: full, report: report{}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&b.rounds, "rounds", 0, "rounds of what is compared with the floor; 0: 7, or 1 if quick")
	only := flags.String("only", "1,2,3,4,5,6,7", "what to measure; 1 and 2 go together, and so do 3 and 6")
	tuned := flags.Bool("tuned", false, "give the floor Parley's options of worker and connection, instead of the defaults")
	short := flags.Bool("quick", false, "a small version of everything, to see that it works")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if *short {
		b.size = quick
	}
	switch {
	case b.rounds > 0:
	case *short:
		b.rounds = 1
	default:
		b.rounds = 7
	}
	b.tuned = *tuned
	wanted := strings.Split(*only, ",")
	want := func(numbers ...string) bool {
		return slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(wanted, n) })
	}

	var err error
	if b.floor, err = os.MkdirTemp("", "parley-floor-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.floor) }()
	for _, name := range []string{"webhook", "worker"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(b.floor, name), "./test/bench/floor")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building the floor: %w", err)
		}
	}

	began := time.Now()
	b.about()
	for _, m := range []struct {
		wanted  bool
		measure func(context.Context) error
	}{
		{want("4"), b.cost},
		{want("1", "2"), b.turns},
		{want("3", "6"), b.scripts},
		{want("5"), b.memory},
		{want("7"), b.outage},
	} {
		if !m.wanted {
			continue
		}
		if err := m.measure(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%.0f minutes in all\n", time.Since(began).Minutes())
	last, err := json.Marshal(b.report)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, string(last))
	return nil
}

// start installs one side afresh, does something with it, and takes it down. The
// logs of one that failed stay.
func (b *bench) start(ctx context.Context, kind kind, do func(*side) error, server ...string) error {
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return err
	}
	plan, err := stack.Plan(programs, dir, false)
	if err != nil {
		return err
	}
	if b.tuned {
		plan.Settings["FLOOR_TUNED"] = "yes"
	}
	s := &side{kind: kind, plan: plan}
	err = s.install(ctx, b.floor, server)
	if err == nil {
		err = do(s)
	}
	s.stop()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w; the logs are in %s", kind, err, dir)
	}
	return errors.Join(err, os.RemoveAll(dir))
}
