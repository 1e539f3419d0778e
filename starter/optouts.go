package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/settings"
	"parley/internal/wording"
)

type optoutsCmd struct {
	Export exportCmd `cmd:"" help:"Write who opted out, as CSV."`
	Import importCmd `cmd:"" help:"Bring in who opted out elsewhere, from CSV."`
}

type exportCmd struct {
	File string `placeholder:"FILE" help:"Where to write. Default: standard output."`
}

// Help is the long help.
func (*exportCmd) Help() string {
	return `Writes one line for each conversation whose contact opted out:

  number,sender,date,source,words

The sender is one of our numbers, empty for the default one; the date is that of
the last such words, by the carrier's clock; the source is "text", or what was
brought in. Words that a spreadsheet would take for a formula have a ' before
them, which import takes away again.

Each such conversation is asked, which needs a worker. A file is only there when
it is complete.`
}

// Run writes who opted out.
func (c *exportCmd) Run(ctx context.Context, a *app) error {
	s, err := a.connect(ctx, workFlags{})
	if err != nil {
		return err
	}
	defer s.Close()
	found, err := s.desk.OptOuts(ctx)
	if partly, ok := errors.AsType[*conversations.Partly](err); ok {
		err = fmt.Errorf("after %d of %s: %w", partly.Done, wording.Counted(partly.Of, "conversation"), partly.Err)
	}
	all := consents(found)
	switch {
	case err != nil:
		return err
	case c.File != "" && c.File != "-":
		if err := writeFile(c.File, func(w io.Writer) error { return writeConsents(w, all) }); err != nil {
			return fmt.Errorf("writing %s: %w", c.File, err)
		}
		return a.print(exported{File: c.File, OptOuts: len(all)})
	case a.JSON:
		return a.print(all)
	}
	return writeConsents(a.stdout, all)
}

type exported struct {
	File    string `json:"file"`
	OptOuts int    `json:"optouts"`
}

func (e exported) text(w io.Writer, _ *time.Location) {
	fmt.Fprintf(w, "wrote %s to %s\n", wording.Counted(e.OptOuts, "opt-out"), e.File)
}

// writeFile leaves the file as it was unless all of it can be written. It holds
// numbers, so nobody else may read it.
func writeFile(path string, write func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".parley-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part.Name()) }() // unless it has been renamed
	if err := errors.Join(write(part), part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

type importCmd struct {
	File    string            `placeholder:"FILE" help:"What to read. Default: standard input."`
	Rate    pace              `default:"20/s" placeholder:"N/s" help:"How many are brought in in a second. Default: ${default}."`
	SkipBad bool              `help:"Bring in the good lines although there are bad ones."`
	DryRun  bool              `help:"Only read and check."`
	Sinch   settings.SinchApp `embed:"" group:"Sinch"`
	workFlags
}

// Help is the long help.
func (*importCmd) Help() string {
	return `Reads what export writes, or any CSV with a header that names at least number,
date and source:

  number,date,source
  +15559876543,2026-03-02T09:00:00Z,web form

A date is written with its offset from UTC. Without a sender the opt-out is from
our default number; with one, SINCH_SMS_SENDER must be set as for the worker. If
a line is bad, all bad lines are named and nothing is brought in.

Nothing is sent, and no worker needs to run. Bringing the same in twice changes
nothing. A START that the contact texted after the date stays in force, as long as the
conversation remembers it: bring old lists in with care.`
}

// Run brings in who opted out.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	read, bad, err := c.read(a.stdin)
	if err != nil {
		return err
	}
	report := imported{Read: len(read) + len(bad), Bad: len(bad), DryRun: c.DryRun}
	for _, problem := range bad {
		report.Problems = append(report.Problems, problem.Error())
	}
	if len(bad) > 0 && !c.SkipBad {
		return fmt.Errorf("nothing was brought in: %w", errors.Join(first(bad, 10)...))
	}
	if c.DryRun {
		return a.print(report)
	}
	s, err := a.connect(ctx, c.workFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	next := c.Rate.steps()
	for _, o := range read {
		err := next(ctx)
		if err == nil {
			err = s.optOut(ctx, o)
		}
		if err != nil {
			err = s.explain(fmt.Sprintf("after %d of %s", report.Imported, wording.Counted(len(read), "opt-out")), err)
			return errors.Join(a.print(report), fmt.Errorf("%w; the same command again changes nothing for those", err))
		}
		report.Imported++
	}
	return a.print(report)
}

// read checks everything before anything is brought in.
func (c *importCmd) read(stdin io.Reader) (good []conversations.OptOut, bad []error, err error) {
	from := stdin
	if c.File != "" && c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", c.File, err)
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	good, bad, err = readConsents(from, time.Now())
	if err != nil {
		return nil, nil, err
	}
	for i, o := range good {
		if o.Sender != "" && len(c.Sinch.Senders()) == 0 {
			return nil, nil, usagef("the sender column needs SINCH_SMS_SENDER, as the worker has it: otherwise nobody knows which number is the default one")
		}
		good[i].Sender = c.Sinch.ConversationSender(o.Sender)
	}
	return good, bad, nil
}

func (s *server) optOut(ctx context.Context, o conversations.OptOut) error {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	return s.desk.OptOut(ctx, o.Number, o.Sender, wire.Consent{At: o.Date, Source: o.Source, Words: o.Words})
}

// first are the first few errors, and how many more there are.
func first(all []error, n int) []error {
	if len(all) <= n {
		return all
	}
	return append(slices.Clone(all[:n]), fmt.Errorf("and %d more", len(all)-n))
}

type imported struct {
	Read     int      `json:"read"`
	Imported int      `json:"imported"`
	Bad      int      `json:"bad,omitempty"`
	Problems []string `json:"problems,omitempty"`
	DryRun   bool     `json:"dry_run,omitempty"`
}

func (r imported) text(w io.Writer, _ *time.Location) {
	for _, problem := range r.Problems {
		fmt.Fprintln(w, wording.Printable(problem))
	}
	if r.DryRun {
		fmt.Fprintf(w, "would bring in %s\n", wording.Counted(r.Read-r.Bad, "opt-out"))
		return
	}
	fmt.Fprintf(w, "brought in %d of %s\n", r.Imported, wording.Counted(r.Read, "opt-out"))
}
