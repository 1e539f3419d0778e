// Package settings holds what can be set from outside, each setting declared
// once: as a flag, an environment variable, a default and a line of help. The
// mains embed the groups they need; nothing else knows this package. It reads no
// file and no network, and makes nothing but the archive's folder.
package settings
