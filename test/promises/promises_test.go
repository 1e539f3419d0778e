package main

import (
	"os"
	"testing"

	"parley/test/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// promise says what a test is about. A test whose promise is not kept yet says
// why; make test skips it, and make promises runs it.
func promise(t *testing.T, sentence, notYet string) {
	t.Helper()
	t.Log("promise: " + sentence)
	if notYet != "" && os.Getenv(tryAll) == "" {
		t.Skip("not kept yet: " + notYet)
	}
	t.Parallel()
}
