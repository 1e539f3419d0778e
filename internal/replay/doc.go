// Package replay finds out whether a build can go on with what another one began:
// it runs histories through the workflows as they are now, and tells the first task
// that they do differently.
package replay
