package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/settings"
)

// archiveFlags say where messages are that Temporal no longer has.
type archiveFlags struct {
	Archive settings.Archive `embed:"" group:"Archive"`
	Signing settings.Signing `embed:"" group:"Archive"`
}

// open returns nil if there is no archive.
func (f archiveFlags) open() (activities.Archive, error) {
	return f.Archive.OpenArchive(f.Signing.HookSecret)
}

// nothing says that the archive did not help either.
func (f archiveFlags) nothing() string {
	if f.Archive.ArchiveDir == "" && f.Archive.ArchiveURL == "" {
		return "there is no archive to look in: neither PARLEY_ARCHIVE_DIR nor PARLEY_ARCHIVE_URL is set"
	}
	return "the archive does not have it either"
}

// archived finds a message, by our key or by the carrier's id. It returns
// activities.ErrNoRecord also if there is no archive.
func (s *server) archived(ctx context.Context, flags archiveFlags, keyOrID string) (activities.Record, error) {
	archive, err := flags.open()
	if err != nil {
		return activities.Record{}, err
	}
	if archive == nil {
		return activities.Record{}, activities.ErrNoRecord
	}
	ctx, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	r, err := archive.Find(ctx, keyOrID)
	if err != nil && !errors.Is(err, activities.ErrNoRecord) {
		return r, fmt.Errorf("looking in the archive: %w", err)
	}
	return r, err
}

// recent are the last messages that the archive has of a conversation, oldest
// first; none if there is no archive.
func (s *server) recent(ctx context.Context, flags archiveFlags, workflowID string, n int) ([]activities.Record, error) {
	archive, err := flags.open()
	if err != nil || archive == nil {
		return nil, err
	}
	ctx, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	records, err := archive.Recent(ctx, workflowID, n)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	return records, nil
}

// kept is the message of a record. What another build wrote, or somebody else's
// service has lost, is filled in from what every record has.
func kept(r activities.Record) wire.Message {
	var m wire.Message
	_ = json.Unmarshal(r.Body, &m)
	m.Key, m.MessageID = cmp.Or(m.Key, r.Key), cmp.Or(m.MessageID, r.MessageID)
	if r.Line != nil && m.At.IsZero() {
		m.From, m.Text, m.At = r.Line.From, r.Line.Text, r.Line.Time
	}
	return m
}

// statusArchived is the status of a conversation that only the archive has.
const statusArchived = "archived"

// fromArchive is what the archive has of a conversation. It is not ok if that is
// nothing.
func (s *server) fromArchive(ctx context.Context, flags archiveFlags, id string, with wire.Start) (v shown, ok bool, err error) {
	records, err := s.recent(ctx, flags, id, archivePage)
	if err != nil || len(records) == 0 {
		return shown{}, false, err
	}
	v = shown{WorkflowID: id, Status: statusArchived, Conversation: wire.State{Contact: with.Contact, Sender: with.Sender}}
	for _, r := range records {
		v.Conversation.Transcript = append(v.Conversation.Transcript, kept(r))
	}
	v.Conversation.StartedAt = v.Conversation.Transcript[0].At
	return v, true, nil
}

// archivedWith shows the archived messages among which one is, or fails as
// Temporal did.
func (s *server) archivedWith(ctx context.Context, flags archiveFlags, keyOrID string, has func(wire.Message) bool, otherwise error) (shown, error) {
	r, err := s.archived(ctx, flags, keyOrID)
	if errors.Is(err, activities.ErrNoRecord) {
		return shown{}, otherwise
	}
	if err != nil {
		return shown{}, err
	}
	with := s.whose(ctx, r.Conversation)
	v, _, err := s.fromArchive(ctx, flags, r.Conversation, with)
	if err != nil {
		return shown{}, err
	}
	if v.Message = find(v.Conversation, has); v.Message == nil { // there have been many more since
		m := kept(r)
		v = shown{WorkflowID: r.Conversation, Status: statusArchived, Message: &m}
		v.Conversation = wire.State{Contact: with.Contact, Sender: with.Sender, StartedAt: m.At, Transcript: []wire.Message{m}}
	}
	return v, nil
}

// archivePage is how many messages are shown: as many as a conversation keeps.
const archivePage = 100
