package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	conversations "parley/conversation/client"
	"parley/internal/wording"
)

type parkedCmd struct {
	whichFlags
	Limit int `placeholder:"N" help:"How many at most, those that wait longest first. Default: all."`
}

// Help is the long help.
func (*parkedCmd) Help() string {
	return `Lists what failed for good and waits for a person, over all running
conversations, as Temporal's visibility knows them: a second or two late. No
worker is needed, and no conversation is asked.

"parley show" prints what is behind an entry, "parley retry" tries it again, and
"parley skip" gives it up.`
}

// parkedRows are what is parked, one row each.
type parkedRows []conversations.ParkedRow

func (rows parkedRows) text(w io.Writer, _ *time.Location) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "nothing is parked")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tSENDER\tAGE\tCODE\tREASON\tID")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Number, orDash(string(r.Sender)), wording.Age(time.Since(r.At)), orDash(string(r.Code)), orDash(r.Reason), orDash(r.ID))
	}
	_ = table.Flush() // as little can be done as about any other print
}

// Run lists what is parked.
func (c *parkedCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 1 or more")
	}
	wanted, err := c.choice(time.Now())
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, workFlags{})
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := s.desk.Parked(ctx, wanted)
	if err != nil {
		return undecryptable(err)
	}
	if c.Limit > 0 && len(rows) > c.Limit {
		rows = rows[:c.Limit]
	}
	return a.print(parkedRows(rows))
}

// undecryptable says what to set, if that is what is wrong.
func undecryptable(err error) error {
	if sealed, ok := errors.AsType[*conversations.Undecryptable](err); ok {
		return fmt.Errorf("what is parked in %s cannot be decrypted: set PARLEY_ENCRYPTION_KEYS as for the worker", wording.Counted(sealed.Conversations, "conversation"))
	}
	return err
}
