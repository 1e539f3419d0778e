package archive_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/archive"
)

// shelf has one record, or fails.
type shelf struct {
	activities.Archive
	record activities.Record
	err    error
}

func (s shelf) Find(context.Context, string) (activities.Record, error) { return s.record, s.err }

func (s shelf) Recent(context.Context, string, int) ([]activities.Record, error) {
	return []activities.Record{s.record}, s.err
}

func TestMessages(t *testing.T) {
	t.Parallel()
	opened := func(a activities.Archive, err error) archive.Messages {
		return archive.Messages{Open: func() (activities.Archive, error) { return a, err }}
	}
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	whole := activities.Record{Conversation: "conversation:x", Key: "r-1", MessageID: "01", At: at, Message: &wire.Message{Key: "r-1", Text: "Hello", At: at}, Line: &wire.Line{Text: "not this"}}

	kept, found, err := opened(shelf{record: whole}, nil).Find(t.Context(), "r-1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "conversation:x", kept.Conversation)
	require.Equal(t, wire.Message{Key: "r-1", MessageID: "01", Text: "Hello", At: at}, kept.Message)

	lost := activities.Record{MessageID: "02", Line: &wire.Line{From: wire.FromContact, Text: "Hi", Time: at}}
	recent, err := opened(shelf{record: lost}, nil).Recent(t.Context(), "conversation:x", 1)
	require.NoError(t, err)
	require.Equal(t, wire.Message{MessageID: "02", From: wire.FromContact, Text: "Hi", At: at}, recent[0].Message, "a message that was lost")

	for name, messages := range map[string]archive.Messages{"there is none": opened(nil, nil), "it has none": opened(shelf{err: activities.ErrNoRecord}, nil)} {
		_, found, err = messages.Find(t.Context(), "r-1")
		require.NoError(t, err, name)
		require.False(t, found, name)
	}
	away := errors.New("away")
	_, _, err = opened(shelf{err: away}, nil).Find(t.Context(), "r-1")
	require.EqualError(t, err, "looking in the archive: away")
	_, err = opened(shelf{err: away}, nil).Recent(t.Context(), "conversation:x", 1)
	require.EqualError(t, err, "reading the archive: away")
	_, _, err = opened(nil, away).Find(t.Context(), "r-1")
	require.ErrorIs(t, err, away)
}
