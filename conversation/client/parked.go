package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/conversation/wire"
	"parley/sms"
)

// A Choice is made among what is parked; the zero value takes everything.
type Choice struct {
	Codes []wire.ParkCode
	IDs   []string
	Since time.Time
}

func (c Choice) everything() bool { return len(c.Codes)+len(c.IDs) == 0 && c.Since.IsZero() }

func (c Choice) takes(p wire.ParkedMark) bool {
	return (len(c.Codes) == 0 || slices.Contains(c.Codes, p.Code)) &&
		(len(c.IDs) == 0 || slices.Contains(c.IDs, p.ID)) &&
		!p.At.Before(c.Since)
}

func (c Choice) among(marks []wire.ParkedMark) []wire.ParkedMark {
	return slices.DeleteFunc(slices.Clone(marks), func(p wire.ParkedMark) bool { return !c.takes(p) })
}

// A ParkedConversation is one with what is parked there, if anything.
type ParkedConversation struct {
	Row
	Marks []wire.ParkedMark
	known bool // it says what is parked, which runs of older builds do not
}

// A ParkedRow is one thing that is parked.
type ParkedRow struct {
	WorkflowID string        `json:"workflow_id"`
	Number     sms.Number    `json:"number"`
	Sender     sms.Sender    `json:"sender,omitempty"`
	ID         string        `json:"id"`
	Code       wire.ParkCode `json:"code"`
	Reason     string        `json:"reason"`
	At         time.Time     `json:"at"`
}

// An Undecryptable error says that what is parked in some conversations cannot be
// read: the desk lacks the workers' keys.
type Undecryptable struct{ Conversations int }

func (e *Undecryptable) Error() string {
	return fmt.Sprintf("what is parked in %d conversations cannot be decrypted", e.Conversations)
}

// ParkedIn is what visibility knows to be parked in a conversation. It is not ok for
// a workflow whose id somebody else made.
func (d Desk) ParkedIn(info *workflowpb.WorkflowExecutionInfo) (ParkedConversation, bool) {
	row, ok := d.Row(info)
	c := ParkedConversation{Row: row}
	if memo := info.GetMemo().GetFields()[wire.ParkedMemo]; memo != nil {
		c.known = d.Converter.FromPayload(memo, &c.Marks) == nil
	}
	return c, ok
}

// unreadable reports whether what a conversation shows of itself cannot be decrypted.
func (d Desk) unreadable(info *workflowpb.WorkflowExecutionInfo) bool {
	for _, memo := range info.GetMemo().GetFields() {
		var value json.RawMessage
		if _, unreadable := errors.AsType[Unreadable](d.Converter.FromPayload(memo, &value)); unreadable {
			return true
		}
	}
	return false
}

// Parked is what is parked in all running conversations, what waits longest first.
func (d Desk) Parked(ctx context.Context, wanted Choice) ([]ParkedRow, error) {
	all, err := d.AllParked(ctx, wanted)
	if err != nil {
		return nil, err
	}
	rows := []ParkedRow{} // in JSON an empty list, not null
	for _, c := range all {
		for _, p := range wanted.among(c.Marks) {
			rows = append(rows, ParkedRow{WorkflowID: c.WorkflowID, Number: c.Number, Sender: c.Sender, ID: p.ID, Code: p.Code, Reason: p.Reason, At: p.At})
		}
	}
	slices.SortStableFunc(rows, func(a, b ParkedRow) int { return a.At.Compare(b.At) })
	return rows, nil
}

// AllParked are the conversations in which something of that kind is parked,
// those first where it has waited longest.
func (d Desk) AllParked(ctx context.Context, wanted Choice) ([]ParkedConversation, error) {
	var all []ParkedConversation
	unread := 0
	err := d.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		if d.unreadable(info) {
			unread++
		}
		if c, ok := d.ParkedIn(info); ok && len(wanted.among(c.Marks)) > 0 {
			all = append(all, c)
		}
	})
	if err != nil {
		return nil, d.Explain("listing what is parked", err)
	}
	if unread > 0 {
		return nil, &Undecryptable{Conversations: unread}
	}
	oldest := func(c ParkedConversation) time.Time { return wanted.among(c.Marks)[0].At }
	slices.SortStableFunc(all, func(a, b ParkedConversation) int { return oldest(a).Compare(oldest(b)) })
	return all, nil
}

// ParkedWith is what is parked in the conversation with a contact over one of our
// senders. It returns ErrClosed if that does not run.
func (d Desk) ParkedWith(ctx context.Context, contact sms.Number, sender sms.Sender) (ParkedConversation, error) {
	info, err := d.Describe(ctx, d.IDs.Of(contact, sender), "")
	switch {
	case errors.Is(err, ErrNotFound), err == nil && !IsRunning(info):
		return ParkedConversation{}, ErrClosed
	case err != nil:
		return ParkedConversation{}, err
	}
	c, _ := d.ParkedIn(info)
	return c, nil
}
