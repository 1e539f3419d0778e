package archive

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// index notes in which file the messages are whose keys begin with this run id.
func (d *Directory) index(ctx context.Context, run, conversation string) error {
	name, err := d.indexed(run)
	if err != nil {
		return err
	}
	want := digest(conversation)
	if name == want {
		return nil
	}
	return appendLines(ctx, d.run(run), []byte(want+"\n"))
}

// indexed returns the name of the file, or nothing.
func (d *Directory) indexed(run string) (string, error) { return nameIn(d.run(run)) }

// nameIn reads an entry of the index.
func nameIn(path string) (string, error) {
	var name string
	err := readLines(path, func(line []byte) bool {
		said := strings.TrimSpace(string(line))
		if raw, err := hex.DecodeString(said); err == nil && len(raw) == 32 {
			name = said
		}
		return true
	})
	return name, err
}

func (d *Directory) run(id string) string {
	name := digest(id)
	return filepath.Join(d.root, runs, name[:2], name)
}
