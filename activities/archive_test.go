package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

// shelf is an archive that behaves.
type shelf struct {
	kept []activities.Record
	err  error
}

func (s *shelf) Store(_ context.Context, records []activities.Record) error {
	s.kept = append(s.kept, records...)
	return s.err
}

func (s *shelf) Recent(_ context.Context, conversation string, n int) ([]activities.Record, error) {
	var last []activities.Record
	for _, r := range s.kept {
		if r.Conversation == conversation {
			last = append(last, r)
		}
	}
	return last[max(0, len(last)-n):], s.err
}

func (s *shelf) Find(context.Context, string) (activities.Record, error) {
	return activities.Record{}, activities.ErrNoRecord
}

func (s *shelf) Erase(context.Context, string) (int, error) {
	return 0, errors.New("no activity erases")
}

const kept = "conversation:+15559876543"

func record(n int) activities.Record {
	key := fmt.Sprint("run-", n)
	return activities.Record{
		ID: key, Kind: wire.RecordMessage, Conversation: kept, FirstRunID: "run", Key: key,
		Line: &wire.Line{From: "contact", Text: fmt.Sprint("text ", n), Time: time.Date(2026, 8, 1, 12, n, 0, 0, time.UTC)},
		At:   time.Date(2026, 8, 1, 13, 0, 0, 0, time.UTC), Message: &wire.Message{Status: sms.StatusDelivered},
	}
}

func TestNoArchive(t *testing.T) {
	t.Parallel()

	archives := &activities.Archives{}
	_, err := run[any](t, archives.StoreRecords, []activities.Record{record(1)})
	require.NoError(t, err)
	lines, err := run[[]wire.Line](t, archives.RecallMessages, activities.RecallInput{Conversation: kept, Messages: 20})
	require.NoError(t, err)
	require.Empty(t, lines)
}

func TestStoreRecords(t *testing.T) {
	t.Parallel()

	s := &shelf{}
	archives := &activities.Archives{Archive: s}
	want := []activities.Record{record(1), record(2)}
	_, err := run[any](t, archives.StoreRecords, want)
	require.NoError(t, err)
	require.Equal(t, want, s.kept, "through Temporal nothing changes")

	s.err = errors.New("no room")
	_, err = run[any](t, archives.StoreRecords, []activities.Record{})
	require.NoError(t, err, "nothing is not stored")
	_, err = run[any](t, archives.StoreRecords, want)
	require.ErrorContains(t, err, "no room")
}

func TestRecallMessages(t *testing.T) {
	t.Parallel()

	other, mute := record(4), record(5)
	other.Conversation = "conversation:+15550100"
	mute.Line = nil
	s := &shelf{kept: []activities.Record{record(1), record(2), record(3), other, mute}}
	archives := &activities.Archives{Archive: s}
	lines, err := run[[]wire.Line](t, archives.RecallMessages, activities.RecallInput{Conversation: kept, Messages: 3})
	require.NoError(t, err)
	require.Equal(t, []wire.Line{*record(2).Line, *record(3).Line}, lines)

	s.err = errors.New("away")
	_, err = run[[]wire.Line](t, archives.RecallMessages, activities.RecallInput{Conversation: kept, Messages: 3})
	require.ErrorContains(t, err, "away")
}
