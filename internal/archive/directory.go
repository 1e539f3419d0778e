package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"parley/activities"
)

// A Directory keeps records as JSON lines, one file for each conversation. Any
// number of processes may use it at the same time. Files are only added to, until
// the conversation is erased: of several versions of a record the last counts.
//
//	conversations/3f/3f9a….jsonl   the SHA-256 of the conversation's workflow id
//	runs/c0/c04b…                  the SHA-256 of a first run id, and in it the name above
type Directory struct {
	root string
}

// OpenDirectory makes the folder if there is none, and tries whether it can be
// written to and locked.
func OpenDirectory(path string) (*Directory, error) {
	d := &Directory{root: path}
	if err := d.try(); err != nil {
		return nil, cause(err)
	}
	return d, nil
}

func (d *Directory) try() error {
	if err := os.MkdirAll(d.root, 0o700); err != nil {
		return err
	}
	trial, err := os.CreateTemp(d.root, ".trial-")
	if err != nil {
		return err
	}
	defer func() {
		_ = trial.Close()
		_ = os.Remove(trial.Name())
	}()
	_, err = tryLock(trial)
	return err
}

// Store adds records to the file of their conversation. If it ends in the middle
// and is called again, some of them stand there twice, which is harmless.
func (d *Directory) Store(ctx context.Context, records []activities.Record) error {
	if len(records) == 0 {
		return nil
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	indexed := map[string]bool{}
	for _, r := range records {
		if r.Conversation != records[0].Conversation {
			return errors.New("storing records in PARLEY_ARCHIVE_DIR: they are of several conversations")
		}
		if err := encoder.Encode(r); err != nil {
			return errors.New("storing records in PARLEY_ARCHIVE_DIR: a record is no valid JSON")
		}
		if r.FirstRunID == "" || indexed[r.FirstRunID] {
			continue
		}
		// Before the records: what is not in the index need not be looked for.
		if err := d.index(ctx, r.FirstRunID, r.Conversation); err != nil {
			return fmt.Errorf("storing records in PARLEY_ARCHIVE_DIR: %w", cause(err))
		}
		indexed[r.FirstRunID] = true
	}
	if err := appendLines(ctx, d.conversation(digest(records[0].Conversation)), lines.Bytes()); err != nil {
		return fmt.Errorf("storing records in PARLEY_ARCHIVE_DIR: %w", cause(err))
	}
	return nil
}

// Recent returns the last messages of a conversation.
func (d *Directory) Recent(_ context.Context, conversation string, n int) ([]activities.Record, error) {
	kept, err := messages(d.conversation(digest(conversation)))
	if err != nil {
		return nil, fmt.Errorf("reading PARLEY_ARCHIVE_DIR: %w", cause(err))
	}
	return recent(kept, conversation, n), nil
}

// Find goes straight to the file of a message whose key it is given. For the
// carrier's id of a message it reads all files.
func (d *Directory) Find(ctx context.Context, keyOrID string) (activities.Record, error) {
	w := want(keyOrID)
	name, err := d.indexed(w.run)
	var r activities.Record
	switch {
	case err != nil:
	case name != "":
		r, err = findIn(d.conversation(name), w)
	default:
		r, err = d.scan(ctx, w)
	}
	if err != nil && !errors.Is(err, activities.ErrNoRecord) {
		return activities.Record{}, fmt.Errorf("reading PARLEY_ARCHIVE_DIR: %w", cause(err))
	}
	return r, err
}

func (d *Directory) scan(ctx context.Context, w wanted) (activities.Record, error) {
	if w.id == "" {
		return activities.Record{}, activities.ErrNoRecord
	}
	var r activities.Record
	missing := activities.ErrNoRecord
	err := d.walk(ctx, conversations, func(path, _ string) error {
		if filepath.Ext(path) != ".jsonl" {
			return nil
		}
		mentioned, err := mentions(path, w)
		if err != nil || !mentioned {
			return err
		}
		if r, missing = findIn(path, w); errors.Is(missing, activities.ErrNoRecord) {
			return nil
		}
		return fs.SkipAll
	})
	if err != nil {
		return activities.Record{}, err
	}
	return r, missing
}

func findIn(path string, w wanted) (activities.Record, error) {
	kept, err := messages(path)
	if err != nil {
		return activities.Record{}, err
	}
	return find(kept, w)
}

const (
	conversations = "conversations"
	runs          = "runs"
)

func (d *Directory) conversation(digest string) string {
	return filepath.Join(d.root, conversations, digest[:2], digest+".jsonl")
}

// digest names a file. A workflow id holds a phone number, which must not be
// in a listing of files, in a backup's log or in an error.
func digest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// cause leaves the path out of an error, which ends in Temporal's history.
func cause(err error) error {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		return wrapped.Err
	}
	return err
}
