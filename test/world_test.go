// Package test plays Parley end to end, see package e2e.
package test

import (
	"testing"

	"parley/sms"
	"parley/test/e2e"
)

const (
	secret   = e2e.Secret
	apiToken = e2e.APIToken
	patience = e2e.Patience

	ours  sms.Sender = e2e.Ours
	ours2 sms.Sender = e2e.Ours2
)

func TestMain(m *testing.M) { e2e.Main(m) }

// world is one installation, and what these tests ask of it.
type world struct{ *e2e.World }

func newWorld(t *testing.T, options ...e2e.Option) *world {
	t.Helper()
	return &world{e2e.New(t, options...)}
}

// in is the world with its failures reported by a subtest.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	return &world{w.In(t)}
}
