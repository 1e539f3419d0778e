// Package connect reaches the Temporal server: with the settings that Temporal's
// own tools read, and with errors that say what to do.
package connect
