package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// The proof starts itself again as a worker of scripts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == scriptsCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// A short run, so that each change has to pass one. make soak runs longer. It is a
// private one: nothing that was said, and no number, may stand in any file.
func TestPromises(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes: half a minute of load, and what is in doubt then")
	}
	t.Parallel()
	var out, progress bytes.Buffer
	err := run(t.Context(), []string{"-bin", "../../.bin", "-for", "30s", "-contacts", "20", "-private", "-with", "none"}, &out, &progress)
	require.NoError(t, err, "%s%s", &progress, &out)
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"-mode=both":          "run make build", // there are no programs here
		"-mode=morse":         "conversation, dispatch or both",
		"-with=sharks":        "-with has no",
		"-readings={\"a\":1}": "-readings",
		"-contacts=0":         "-contacts must lie",
		"-for=never":          "invalid value",
		"-nothing-like-this":  "not defined",
	} {
		err := run(t.Context(), []string{args}, &bytes.Buffer{}, &bytes.Buffer{})
		require.ErrorContains(t, err, says)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	everything, err := parseExtras("all")
	require.NoError(t, err)
	p := newPlan(7, longRun, everything)
	again := newPlan(7, longRun, everything)
	require.Equal(t, p, again, "the same seed, the same faults")
	require.NotEqual(t, p, newPlan(8, longRun, everything))
	require.Equal(t, outageLength, p.outage.to-p.outage.from)
	calm := newPlan(7, longRun-1, nil)
	require.Zero(t, calm.outage, "a short run would not outlast it")
	require.Empty(t, calm.freezes)
	require.Equal(t, p.kills[:10], calm.kills[:10], "what is added changes nothing else")
}

// What is searched for is found: else a private run would prove nothing.
func TestLeaks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	words := personal([]*contact{newContact(0)}, []sinchtest.Message{{Text: "T17 hello, it is me"}, {Text: "ok"}})
	require.Len(t, words, 2, "a text as short as any word is not looked for")
	for name, content := range map[string]string{
		"quiet.log": "nothing at all", "server.db": "\x00\x01T17 hello, it is me\x02", "worker.log": "contact=" + string(newContact(0).number),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	found, err := leaks(dir, words)
	require.NoError(t, err)
	require.Equal(t, []string{"server.db holds 1 of 2 numbers and texts", "worker.log holds 1 of 2 numbers and texts"}, found)
}
