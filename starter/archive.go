package main

import (
	"parley/activities"
	"parley/internal/archive"
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

// messages read the archive when there is something to look for.
func (f archiveFlags) messages() archive.Messages { return archive.Messages{Open: f.open} }
