package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sms"
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
type listed []listedConversation

type listedConversation struct {
	WorkflowID string     `json:"workflow_id"`
	Number     sms.Number `json:"number"`
	Sender     sms.Sender `json:"sender,omitempty"`
	State      string     `json:"state,omitempty"`
	Attention  string     `json:"attention,omitempty"` // why a person should look
	Scripts    []string   `json:"scripts,omitempty"`
	Started    time.Time  `json:"started"`
}

func (l listed) text(w io.Writer, zone *time.Location) {
	if len(l) == 0 {
		fmt.Fprintln(w, "no such conversation is running")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tSENDER\tSTATE\tSCRIPT\tSTARTED\tATTENTION")
	for _, c := range l {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Number, orDash(string(c.Sender)), orDash(c.State),
			orDash(strings.Join(c.Scripts, ", ")), c.Started.In(zone).Format(dateAndTime), orDash(c.Attention))
	}
	_ = table.Flush() // as little can be done as about any other print
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return printable(strings.ReplaceAll(s, "\t", " "))
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

	found := listed{} // in JSON an empty list, not null
	err = s.conversations.EachConversation(ctx, c.query(), c.Limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if row, ok := s.rowOf(info); ok {
			found = append(found, row)
		}
		return true, nil
	})
	var invalid *serviceerror.InvalidArgument
	if errors.As(err, &invalid) && (c.State != "" || c.Attention) {
		return fmt.Errorf("listing conversations: namespace %q lacks the search attributes %s, %s and %s, which --state and --attention need: start a worker, which registers them or prints the command that does",
			s.options.Namespace, wire.StateAttribute.GetName(), wire.AttentionAttribute.GetName(), wire.ScriptAttribute.GetName())
	}
	if err != nil {
		return s.explain("listing conversations", err)
	}
	return a.print(found)
}

func (c *listCmd) query() string {
	query := "ExecutionStatus = 'Running'"
	if c.State != "" {
		query += fmt.Sprintf(" AND %s = '%s'", wire.StateAttribute.GetName(), c.State)
	}
	if c.Attention {
		query += fmt.Sprintf(" AND %s = true", wire.AttentionAttribute.GetName())
	}
	return query
}

// rowOf is not ok for a workflow whose id somebody else made.
func (s *server) rowOf(info *workflowpb.WorkflowExecutionInfo) (listedConversation, bool) {
	who, ok := s.who(info)
	if !ok {
		return listedConversation{}, false
	}
	row := listedConversation{WorkflowID: info.GetExecution().GetWorkflowId(), Number: who.Contact, Sender: who.Sender, Started: info.GetStartTime().AsTime()}
	fields := info.GetSearchAttributes().GetIndexedFields()
	decoded(fields[wire.StateAttribute.GetName()], &row.State)
	decoded(fields[wire.ScriptAttribute.GetName()], &row.Scripts)
	var attention wire.Attention
	if memo := info.GetMemo().GetFields()[wire.AttentionMemo]; memo != nil {
		err := s.dataConverter().FromPayload(memo, &attention)
		if unreadable, ok := errors.AsType[*encryption.Unreadable](err); ok {
			attention.Reason = unreadable.Error()
		}
	}
	row.Attention = attention.Reason
	return row, true
}

// decoded reads a search attribute, which is never encrypted. It leaves value as it
// is if there is nothing, or something else.
func decoded(payload *commonpb.Payload, value any) {
	if payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, value)
	}
}
