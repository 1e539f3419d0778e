package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/wording"
)

type listCmd struct {
	State     string `enum:"open,asking,optedout," default:"" placeholder:"STATE" help:"Only these: open (texts go to the responder), asking (a script waits for an answer) or optedout."`
	Attention bool   `help:"Only those that a person should look at."`
	Limit     int    `default:"50" placeholder:"N" help:"How many at most. Default: ${default}."`
}

// Help is the long help.
func (*listCmd) Help() string {
	return `Lists running conversations, the newest run first, as Temporal's visibility knows
them: a second or two late. State and script are search attributes, which the
worker registers where it may; without them both are empty, and --state and
--attention have nothing to go by.`
}

// listed are the conversations found.
type listed []conversations.Row

func (l listed) text(w io.Writer, zone *time.Location) {
	if len(l) == 0 {
		fmt.Fprintln(w, "no such conversation is running")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tSENDER\tSTATE\tSCRIPT\tSTARTED\tATTENTION")
	for _, c := range l {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Number, orDash(string(c.Sender)), orDash(c.State),
			orDash(strings.Join(c.Scripts, ", ")), c.Started.In(zone).Format(wording.DateAndTime), orDash(c.Attention))
	}
	_ = table.Flush() // as little can be done as about any other print
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return wording.Printable(strings.ReplaceAll(s, "\t", " "))
}

// Run lists conversations.
func (c *listCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 1 {
		return usagef("--limit must be 1 or more")
	}
	s, err := a.connect(ctx, workFlags{})
	if err != nil {
		return err
	}
	defer s.Close()

	found, err := s.desk.List(ctx, conversations.Filter{State: c.State, Attention: c.Attention, Limit: c.Limit})
	if errors.Is(err, conversations.ErrUnfilterable) {
		return fmt.Errorf("listing conversations: namespace %q lacks the search attributes %s, %s and %s, which --state and --attention need: start a worker, which registers them or prints the command that does",
			s.options.Namespace, wire.StateAttribute.GetName(), wire.AttentionAttribute.GetName(), wire.ScriptAttribute.GetName())
	}
	if err != nil {
		return err
	}
	return a.print(listed(found))
}
