package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sms"
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
type parkedRows []parkedRow

type parkedRow struct {
	WorkflowID string        `json:"workflow_id"`
	Number     sms.Number    `json:"number"`
	Sender     sms.Sender    `json:"sender,omitempty"`
	ID         string        `json:"id"`
	Code       wire.ParkCode `json:"code"`
	Reason     string        `json:"reason"`
	At         time.Time     `json:"at"`
}

func (rows parkedRows) text(w io.Writer, _ *time.Location) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "nothing is parked")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NUMBER\tSENDER\tAGE\tCODE\tREASON\tID")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Number, orDash(string(r.Sender)), age(time.Since(r.At)), orDash(string(r.Code)), orDash(r.Reason), orDash(r.ID))
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
	all, err := s.allParked(ctx, wanted)
	if err != nil {
		return err
	}
	rows := parkedRows{} // in JSON an empty list, not null
	for _, c := range all {
		for _, p := range wanted.among(c.marks) {
			rows = append(rows, parkedRow{WorkflowID: c.WorkflowID, Number: c.Number, Sender: c.Sender, ID: p.ID, Code: p.Code, Reason: p.Reason, At: p.At})
		}
	}
	slices.SortStableFunc(rows, func(a, b parkedRow) int { return a.At.Compare(b.At) })
	if c.Limit > 0 && len(rows) > c.Limit {
		rows = rows[:c.Limit]
	}
	return a.print(rows)
}

// parkedConversation is a conversation with what is parked there.
type parkedConversation struct {
	conversations.Row
	marks []wire.ParkedMark
	known bool // it says what is parked, which runs of older builds do not
}

func (s *server) parkedIn(info *workflowpb.WorkflowExecutionInfo) (parkedConversation, bool) {
	row, ok := s.desk.Row(info)
	c := parkedConversation{Row: row}
	if memo := info.GetMemo().GetFields()[wire.ParkedMemo]; memo != nil {
		c.known = s.dataConverter().FromPayload(memo, &c.marks) == nil
	}
	return c, ok
}

// unreadable reports whether what a conversation shows of itself cannot be decrypted.
func (s *server) unreadable(info *workflowpb.WorkflowExecutionInfo) bool {
	for _, memo := range info.GetMemo().GetFields() {
		var value json.RawMessage
		if _, unreadable := errors.AsType[*encryption.Unreadable](s.dataConverter().FromPayload(memo, &value)); unreadable {
			return true
		}
	}
	return false
}

// allParked are the conversations in which something of that kind is parked,
// those first where it has waited longest.
func (s *server) allParked(ctx context.Context, wanted choice) ([]parkedConversation, error) {
	var all []parkedConversation
	unread := 0
	err := s.desk.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		if s.unreadable(info) {
			unread++
		}
		if c, ok := s.parkedIn(info); ok && len(wanted.among(c.marks)) > 0 {
			all = append(all, c)
		}
	})
	if err != nil {
		return nil, s.explain("listing what is parked", err)
	}
	if unread > 0 {
		return nil, fmt.Errorf("what is parked in %s cannot be decrypted: set PARLEY_ENCRYPTION_KEYS as for the worker", counted(unread, "conversation"))
	}
	oldest := func(c parkedConversation) time.Time { return wanted.among(c.marks)[0].At }
	slices.SortStableFunc(all, func(a, b parkedConversation) int { return oldest(a).Compare(oldest(b)) })
	return all, nil
}
