package settings

import (
	"errors"
	"fmt"

	"parley/activities"
	"parley/internal/archive"
)

// Archive says where messages and conversations are kept beyond Temporal's
// retention.
type Archive struct {
	ArchiveDir string `env:"PARLEY_ARCHIVE_DIR" placeholder:"DIR" help:"Folder in which messages and conversations are kept, the same for all workers. Default: nothing is kept."`
	ArchiveURL Secret `env:"PARLEY_ARCHIVE_URL" placeholder:"URL" help:"Service that keeps them instead."`
}

// OpenArchive returns nil if nothing is kept. The secret is the one that signs
// the requests to all services of the user's own.
func (a Archive) OpenArchive(secret Secret) (activities.Archive, error) {
	switch {
	case a.ArchiveDir != "" && a.ArchiveURL != "":
		return nil, errors.New("set PARLEY_ARCHIVE_DIR or PARLEY_ARCHIVE_URL, not both")
	case a.ArchiveDir != "":
		d, err := archive.OpenDirectory(a.ArchiveDir)
		if err != nil {
			return nil, fmt.Errorf("set PARLEY_ARCHIVE_DIR to a folder that can be made and written to: %w", err)
		}
		return d, nil
	case a.ArchiveURL != "":
		h, err := hook("PARLEY_ARCHIVE_URL", a.ArchiveURL, secret)
		if err != nil {
			return nil, err
		}
		return archive.Hook{Hook: h}, nil
	}
	return nil, nil
}
