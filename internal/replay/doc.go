// Package replay finds out whether a build can go on with what another one began:
// it runs histories through the workflows as they are now, and says in words where
// they would do something else.
package replay
