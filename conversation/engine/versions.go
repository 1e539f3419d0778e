package engine

// A version numbers what a run does about the same events. A run keeps the one
// that it began with, since its history was made by it, until it continues as
// new, which each run does within 30 days.
type version = int

// Each version has one line that says what changed. A change of what a running
// conversation does is guarded by has with a version of its own.
const (
	firstRelease version = iota + 1

	newest = firstRelease
)

// has reports whether the run began with a version, or a newer one.
func (r *run) has(v version) bool { return r.Settings.Version >= v }
