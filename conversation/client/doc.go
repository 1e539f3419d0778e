// Package client is the way in from outside: programs tell a conversation what
// happened, have it send, and ask what it knows; scripts speak through it.
package client
