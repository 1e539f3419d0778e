package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/activities"
)

// Erase removes the files of a conversation and of those over other senders, and
// the entries of the index that name them. It returns how many records there
// were, each counted once however many versions it had.
//
// Files are removed, not overwritten: what the disk, a snapshot or a backup
// still holds is not reached. A Store that comes later, such as one that is
// tried again by a worker, makes a new file, so the conversation must have ended
// before; Erase may be called again.
func (d *Directory) Erase(ctx context.Context, conversation string) (records int, err error) {
	if conversation == "" {
		return 0, errNoConversation
	}
	records, err = d.erase(ctx, conversation)
	if err != nil {
		return records, fmt.Errorf("erasing in PARLEY_ARCHIVE_DIR: %w", cause(err))
	}
	return records, nil
}

// errNoConversation is for an empty id, which would be the beginning of others.
var errNoConversation = errors.New("erasing from the archive: there is no conversation without an id")

func (d *Directory) erase(ctx context.Context, conversation string) (records int, err error) {
	// The file of the id itself is known by its name, whatever stands in it.
	doomed := map[string]bool{digest(conversation): true}
	err = d.walk(ctx, conversations, func(path, name string) error {
		of, err := conversationIn(path)
		if err == nil && of != "" && erases(conversation, of) {
			doomed[strings.TrimSuffix(name, ".jsonl")] = true
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	// The index goes first. Who is killed in between finds the files again, while
	// entries without a file could not be told from those of other conversations.
	err = d.walk(ctx, runs, func(path, _ string) error {
		name, err := nameIn(path)
		if err == nil && doomed[name] {
			err = remove(ctx, path, nil)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for name := range doomed {
		err := remove(ctx, d.conversation(name), func(path string) error {
			n, err := count(path)
			records += n
			return err
		})
		if err != nil {
			return records, err
		}
	}
	return records, nil
}

// erases tells whether what is erased with a conversation's id includes another
// one: itself, and those with the same contact over other senders.
func erases(conversation, other string) bool {
	return other == conversation || strings.HasPrefix(other, conversation+":")
}

// walk visits the files in one of the two folders.
func (d *Directory) walk(ctx context.Context, folder string, visit func(path, name string) error) error {
	return filepath.WalkDir(filepath.Join(d.root, folder), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // nothing is kept yet, or another process erases too
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir():
			return nil
		}
		return visit(path, entry.Name())
	})
}

// conversationIn reads whose records a file has: one conversation's.
func conversationIn(path string) (string, error) {
	var found string
	err := records(path, func(r activities.Record) bool {
		found = r.Conversation
		return found == ""
	})
	return found, err
}

func count(path string) (int, error) {
	known := map[string]bool{}
	err := records(path, func(r activities.Record) bool {
		if r.Kind != "" {
			known[r.ID] = true
		}
		return true
	})
	return len(known), err
}

// remove takes a file away while nobody writes to it, and returns when that is
// on the disk. A file that does not exist need not be removed.
func remove(ctx context.Context, path string, before func(path string) error) error {
	file, err := openLocked(ctx, path, os.O_RDWR)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	defer func() { _ = file.Close() }()
	if before != nil {
		if err := before(path); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
