package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"parley/activities"
	"parley/conversation/client"
	"parley/conversation/wire"
)

// Messages reads an archive for whoever looks for conversations: it implements
// client.Archive.
type Messages struct {
	Open func() (activities.Archive, error) // called when there is something to look for; nil: no archive
}

// Find returns the message with this key, or with this id at the carrier.
func (m Messages) Find(ctx context.Context, keyOrID string) (kept client.Kept, found bool, err error) {
	archive, err := m.Open()
	if err != nil || archive == nil {
		return client.Kept{}, false, err
	}
	record, err := archive.Find(ctx, keyOrID)
	switch {
	case errors.Is(err, activities.ErrNoRecord):
		return client.Kept{}, false, nil
	case err != nil:
		return client.Kept{}, false, fmt.Errorf("looking in the archive: %w", err)
	}
	return keptOf(record), true, nil
}

// Recent returns the last messages of a conversation, at most n, oldest first.
func (m Messages) Recent(ctx context.Context, workflowID string, n int) ([]client.Kept, error) {
	archive, err := m.Open()
	if err != nil || archive == nil {
		return nil, err
	}
	records, err := archive.Recent(ctx, workflowID, n)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	var all []client.Kept
	for _, record := range records {
		all = append(all, keptOf(record))
	}
	return all, nil
}

// keptOf is the message of a record. What another build wrote, or somebody else's
// service has lost, is filled in from what every record has.
func keptOf(r activities.Record) client.Kept {
	var m wire.Message
	if r.Message != nil {
		m = *r.Message
	}
	m.Key, m.MessageID = cmp.Or(m.Key, r.Key), cmp.Or(m.MessageID, r.MessageID)
	if r.Line != nil && m.At.IsZero() {
		m.From, m.Text, m.At = r.Line.From, r.Line.Text, r.Line.Time
	}
	return client.Kept{Conversation: r.Conversation, At: r.At, Message: m}
}
