// Command soak is the proof of Parley's promises: real processes, a carrier
// with faults, contacts who talk across each other, and everything killed at
// random. What became of each text is counted on the carrier's side.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/sinch/sinchtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// options say how to run.
type options struct {
	bin      string
	temporal string // of a server that is there already; empty: one of our own
	seed     uint64
	duration time.Duration // of the load, with faults
	contacts int
	mode     sinchtest.Mode
	with     map[string]bool // what goes wrong besides, see extras
	readings sinchtest.Readings
	private  bool // payloads are encrypted, ids hold no number, and files are searched for what was said
	progress io.Writer
}

var errBroken = errors.New("a promise is broken")

// run plays one mode, or both in turn. Each prints a table and one line of JSON.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && args[0] == scriptsCommand {
		return runScripts(ctx, stderr)
	}
	duration, err := time.ParseDuration(cmp.Or(os.Getenv("SOAK"), "2m"))
	if err != nil {
		return errors.New("set SOAK to a duration such as 30m")
	}
	o := options{progress: stderr}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.bin, "bin", ".bin", "folder with the programs that make build builds")
	flags.StringVar(&o.temporal, "temporal", "", "host:port of a Temporal server to use, which is not killed then (default: one of its own)")
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the faults and the contacts of an earlier run (default: random)")
	flags.DurationVar(&o.duration, "for", duration, "how long contacts write and faults are on; the default is SOAK, if set")
	flags.IntVar(&o.contacts, "contacts", 45, "how many people write")
	flags.BoolVar(&o.private, "private", false, "encrypts payloads, keeps numbers out of ids, and searches the server's database and all logs for what was said")
	with := flags.String("with", "all", "what goes wrong besides kills, bursts of 429 and doubts: all, none, or some of "+strings.Join(extras, ","))
	readings := flags.String("readings", "{}", "JSON: how Sinch is to be read where it leaves something open, see docs/sinch.md")
	mode := flags.String("mode", "conversation", "how the carrier processes messages: conversation, dispatch, or both in turn")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if o.contacts < 1 || o.contacts > maxContacts {
		return fmt.Errorf("-contacts must lie between 1 and %d", maxContacts)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // dice, not secrets
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return fmt.Errorf("looking for the programs: %w", err)
	}
	if o.with, err = parseExtras(*with); err != nil {
		return err
	}
	if o.readings, err = sinchtest.ParseReadings(*readings); err != nil {
		return fmt.Errorf("-readings: %w", err)
	}
	o.readings.ListLag = cmp.Or(o.readings.ListLag, sinchtest.Duration(time.Second))
	modes := map[string][]sinchtest.Mode{
		"conversation": {sinchtest.Conversation}, "dispatch": {sinchtest.Dispatch},
		"both": {sinchtest.Conversation, sinchtest.Dispatch},
	}[*mode]
	if modes == nil {
		return errors.New("-mode is conversation, dispatch or both")
	}

	var broken error
	for _, o.mode = range modes {
		verdict, err := play(ctx, o)
		if err != nil {
			return err
		}
		verdict.print(stdout)
		if len(verdict.broken) > 0 {
			broken = errBroken
		}
	}
	return broken
}

// What can go wrong besides.
const (
	roughCarrier = "carrier"   // broken answers, slow tokens, callbacks of others
	freezes      = "freezes"   // a worker is frozen for longer than an attempt may last
	blackouts    = "blackouts" // all workers are killed at once, and are away for a while
	deploys      = "deploys"   // workers are told to end, and start some seconds later
	stopping     = "stops"     // contacts say STOP and START
	strangers    = "strangers" // half-sent requests of nobody we know
)

var extras = []string{roughCarrier, freezes, blackouts, deploys, stopping, strangers}

func parseExtras(list string) (map[string]bool, error) {
	with := map[string]bool{}
	switch list {
	case "none":
		return with, nil
	case "all":
		list = strings.Join(extras, ",")
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(extras, name) {
			return nil, fmt.Errorf("-with has no %q: it is all, none, or some of %s", name, strings.Join(extras, ","))
		}
		with[name] = true
	}
	return with, nil
}
