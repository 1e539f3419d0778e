// Package metrics counts and measures what a process does, and shows it to
// Prometheus. It is apart from the log so that the command line, which has no
// metrics, does without the libraries.
package metrics
