package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parley/activities"
	conversations "parley/conversation/client"
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
	ctx, cancel := s.desk.WithPatience(ctx)
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
	ctx, cancel := s.desk.WithPatience(ctx)
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

// records are an archive for whoever looks for conversations.
type records struct {
	server *server
	flags  archiveFlags
}

// Find implements conversations.Archive.
func (r records) Find(ctx context.Context, keyOrID string) (conversations.Kept, bool, error) {
	found, err := r.server.archived(ctx, r.flags, keyOrID)
	if errors.Is(err, activities.ErrNoRecord) {
		return conversations.Kept{}, false, nil
	}
	return keptOf(found), err == nil, err
}

// Recent implements conversations.Archive.
func (r records) Recent(ctx context.Context, workflowID string, n int) ([]conversations.Kept, error) {
	found, err := r.server.recent(ctx, r.flags, workflowID, n)
	var all []conversations.Kept
	for _, record := range found {
		all = append(all, keptOf(record))
	}
	return all, err
}

func keptOf(r activities.Record) conversations.Kept {
	return conversations.Kept{Conversation: r.Conversation, At: r.At, Message: kept(r)}
}
