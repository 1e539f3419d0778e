package client

import (
	"context"
	"time"

	"parley/conversation/wire"
)

// An Archive is where messages are read that Temporal no longer has.
type Archive interface {
	// Find returns the message with this key, or with this id at the carrier.
	Find(ctx context.Context, keyOrID string) (kept Kept, found bool, err error)
	// Recent returns the last messages of a conversation, at most n, oldest first.
	Recent(ctx context.Context, workflowID string, n int) ([]Kept, error)
}

// Kept is a message as an archive has it.
type Kept struct {
	Conversation string    // the workflow id
	At           time.Time // as of when
	Message      wire.Message
}

// StatusArchived is the status of a conversation that only the archive has.
const StatusArchived = "archived"

// archivePage is how many messages are shown: as many as a conversation keeps.
const archivePage = 100

// Archived finds a message in the archive, if there is one, by our key or by the
// carrier's id.
func (d Desk) Archived(ctx context.Context, keyOrID string) (kept Kept, found bool, err error) {
	if d.Archive == nil {
		return Kept{}, false, nil
	}
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Archive.Find(ctx, keyOrID)
}

// Recent are the last messages that the archive has of a conversation, oldest
// first; none if there is no archive.
func (d Desk) Recent(ctx context.Context, workflowID string, n int) ([]Kept, error) {
	if d.Archive == nil {
		return nil, nil
	}
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Archive.Recent(ctx, workflowID, n)
}

// fromArchive is what the archive has of a conversation. It is not ok if that is
// nothing.
func (d Desk) fromArchive(ctx context.Context, id string, with wire.Start) (v View, ok bool, err error) {
	records, err := d.Recent(ctx, id, archivePage)
	if err != nil || len(records) == 0 {
		return View{}, false, err
	}
	v = View{WorkflowID: id, Status: StatusArchived, Conversation: wire.State{Life: wire.Life{Contact: with.Contact, Sender: with.Sender}}}
	for _, r := range records {
		v.Conversation.Transcript = append(v.Conversation.Transcript, r.Message)
	}
	v.Conversation.StartedAt = v.Conversation.Transcript[0].At
	return v, true, nil
}

// archivedWith shows the archived messages among which one is, or fails as
// Temporal did.
func (d Desk) archivedWith(ctx context.Context, keyOrID string, has func(wire.Message) bool, otherwise error) (View, error) {
	r, found, err := d.Archived(ctx, keyOrID)
	if err != nil {
		return View{}, err
	}
	if !found {
		return View{}, otherwise
	}
	with := d.Whose(ctx, r.Conversation)
	v, _, err := d.fromArchive(ctx, r.Conversation, with)
	if err != nil {
		return View{}, err
	}
	if v.Message = Pick(v.Conversation, has); v.Message == nil { // there have been many more since
		v = View{WorkflowID: r.Conversation, Status: StatusArchived, Message: &r.Message}
		v.Conversation = wire.State{Life: wire.Life{Contact: with.Contact, Sender: with.Sender, StartedAt: r.Message.At}, Chronicle: wire.Chronicle{Transcript: []wire.Message{r.Message}}}
	}
	return v, nil
}
