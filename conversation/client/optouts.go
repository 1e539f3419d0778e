package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/conversation/wire"
	"parley/sms"
)

// An OptOut is a contact's wish to get no more texts, and how it was said.
type OptOut struct {
	Number sms.Number `json:"number"`
	Sender sms.Sender `json:"sender,omitempty"` // empty: the default one
	Date   time.Time  `json:"date"`
	Source string     `json:"source"`
	Words  string     `json:"words,omitempty"`
}

// byText is the source of words that the contact texted.
const byText = "text"

// A Partly error says how far something came with many conversations.
type Partly struct {
	Done, Of int
	Err      error
}

func (e *Partly) Error() string {
	return fmt.Sprintf("after %d of %d conversations: %v", e.Done, e.Of, e.Err)
}

// Unwrap returns what stopped it.
func (e *Partly) Unwrap() error { return e.Err }

// OptOuts are those of the running conversations. It fails with a Partly if one cannot
// be asked: half a backup would be taken for a whole one.
func (d Desk) OptOuts(ctx context.Context) ([]OptOut, error) {
	var ids []string
	err := d.EachMarked(ctx, fmt.Sprintf("%s = '%s'", wire.StateAttribute.GetName(), wire.StateOptedOut), func(info *workflowpb.WorkflowExecutionInfo) {
		if row, ok := d.Row(info); ok {
			ids = append(ids, row.WorkflowID)
		}
	})
	if err != nil {
		return nil, d.Explain("listing conversations", err)
	}
	slices.Sort(ids)
	all := []OptOut{} // in JSON an empty list, not null
	for i, id := range ids {
		v, err := d.Read(ctx, id, "")
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			return nil, &Partly{Done: i, Of: len(ids), Err: err}
		}
		if o := v.Conversation.OptedOut; o != nil {
			date := o.Accepted
			if date.IsZero() {
				date = o.At
			}
			all = append(all, OptOut{
				Number: v.Conversation.Contact, Sender: v.Conversation.Sender, Date: date.UTC(), Source: cmp.Or(o.Source, byText), Words: o.Text,
			})
		}
	}
	return all, nil
}
