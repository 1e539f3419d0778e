// Package archive keeps records beyond Temporal's retention: in a folder, or at
// a service of the user's own. It knows what a record is about; only Messages reads
// what those who wrote it put into its body.
package archive
