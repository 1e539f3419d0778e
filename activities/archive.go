package activities

import (
	"context"
	"errors"
	"time"

	"parley/conversation/wire"
)

// A Record is something that is kept beyond Temporal's retention.
type Record struct {
	ID           string          `json:"id"`                   // the same for each version of the same thing, of which the last counts
	Kind         wire.RecordKind `json:"kind"`                 //
	Conversation string          `json:"conversation"`         // the workflow id
	FirstRunID   string          `json:"first_run_id"`         // with which the keys of its messages begin
	Key          string          `json:"key,omitempty"`        // of a message of ours
	MessageID    string          `json:"message_id,omitempty"` // the carrier's, of a message
	Line         *wire.Line      `json:"line,omitempty"`       // of a message: what the next conversation is told
	At           time.Time       `json:"at"`                   // when this version was made
	Message      *wire.Message   `json:"message,omitempty"`    // as it was then
	Closing      *wire.Closing   `json:"closing,omitempty"`    // of a conversation: the end of a run
}

// An Archive keeps records. All methods are idempotent.
type Archive interface {
	// Store keeps records; all are of one conversation.
	Store(ctx context.Context, records []Record) error
	// Recent returns the last messages of a conversation, at most n, oldest first.
	Recent(ctx context.Context, conversation string, n int) ([]Record, error)
	// Find returns the message with this key, or with this id at the carrier, and
	// ErrNoRecord if there is none.
	Find(ctx context.Context, keyOrID string) (Record, error)
	// Erase forgets a conversation and those whose ids are its own, a colon and
	// more: the same contact's over other senders. It returns how many records
	// were forgotten. What is stored afterwards is kept.
	Erase(ctx context.Context, conversation string) (records int, err error)
}

// ErrNoRecord is returned by Archive.Find for a message that is not kept.
var ErrNoRecord = errors.New("the archive has no such message")

// Archives keep what conversations hand them, and tell new ones what was said before.
type Archives struct {
	Archive Archive // nil: nothing is kept
}

// StoreRecords keeps records.
func (a *Archives) StoreRecords(ctx context.Context, records []Record) error {
	if a.Archive == nil || len(records) == 0 {
		return nil
	}
	return a.Archive.Store(ctx, records)
}

// RecallInput asks for the last messages of an earlier conversation.
type RecallInput struct {
	Conversation string `json:"conversation"`
	Messages     int    `json:"messages"`
}

// RecallMessages returns the last messages with a contact, oldest first.
func (a *Archives) RecallMessages(ctx context.Context, in RecallInput) ([]wire.Line, error) {
	if a.Archive == nil {
		return nil, nil
	}
	records, err := a.Archive.Recent(ctx, in.Conversation, in.Messages)
	if err != nil {
		return nil, err
	}
	var lines []wire.Line
	for _, r := range records {
		if r.Line != nil {
			lines = append(lines, *r.Line)
		}
	}
	return lines, nil
}
