package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"parley/activities"
	"parley/conversation/wire"
)

// appendLines adds whole lines to a file, and returns when they are on the disk.
func appendLines(ctx context.Context, path string, lines []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// A write of many pages is not atomic, and where the file ends must still be
	// true when we write.
	file, err := openLocked(ctx, path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // and lets go of the lock
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	torn, err := endsTorn(file, end)
	if err != nil {
		return err
	}
	if torn {
		lines = append([]byte("\n"), lines...)
	}
	if _, err := file.Write(lines); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if end > 0 {
		return nil
	}
	// A new file is safe when its name is, and that of the folder it is in.
	return errors.Join(syncFolder(filepath.Dir(path)), syncFolder(filepath.Dir(filepath.Dir(path))))
}

// endsTorn tells whether somebody was killed while writing here. What is left of
// the line stays, as a line of its own that no reader understands.
func endsTorn(file *os.File, end int64) (bool, error) {
	if end == 0 {
		return false, nil
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], end-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}

// readLines hands over the lines of a file, also one without an end, until each
// returns false. A file that does not exist has none.
func readLines(path string, each func(line []byte) bool) error {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	defer func() { _ = file.Close() }()
	reader := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := reader.ReadBytes('\n')
		switch {
		case len(line) > 0 && !each(line):
			return nil
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// records hands over the records of a file, until each returns false. Torn lines
// are no JSON: the beginning of an object never is.
func records(path string, each func(activities.Record) bool) error {
	return readLines(path, func(line []byte) bool {
		var r activities.Record
		return json.Unmarshal(line, &r) != nil || each(r)
	})
}

// messages returns all versions of all messages in a file.
func messages(path string) (kept []activities.Record, err error) {
	err = records(path, func(r activities.Record) bool {
		if r.Kind == wire.RecordMessage {
			kept = append(kept, r)
		}
		return true
	})
	return kept, err
}

// mentions tells whether a file is worth being understood.
func mentions(path string, w wanted) (bool, error) {
	key, err := json.Marshal(w.key)
	if err != nil {
		return false, err
	}
	id, err := json.Marshal(w.id)
	if err != nil {
		return false, err
	}
	var found bool
	err = readLines(path, func(line []byte) bool {
		found = bytes.Contains(line, id) || bytes.Contains(line, key)
		return !found
	})
	return found, err
}
