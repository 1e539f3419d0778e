// Package workflows holds the scripts: conversations as plain sequential Go,
// one file each, with its dialogue as its test. Add yours beside them and to
// the list in register.go. The workflow that talks to the phone number stands
// in package conversation.
package workflows
