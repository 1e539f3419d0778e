// Package archive keeps records beyond Temporal's retention: in a folder, or at
// a service of the user's own. It knows what a record is about, and leaves what
// stands in its body to those who wrote it.
package archive
