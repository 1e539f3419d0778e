package archive

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

const record = `{"id":"r-7","kind":"message","conversation":"c","first_run_id":"r","key":"r-7","message_id":"m","line":{"from":"contact","text":"Hi","time":"2036-03-03T14:04:58Z"},"at":"2036-03-03T14:06:10Z","message":{"text":"Hi"}}`

// FuzzTold: whatever an archive service answers, what is taken from it is what was
// asked for.
func FuzzTold(f *testing.F) {
	for _, body := range []string{`{"records":[` + record + `,` + record + `]}`, `{"records":[{"line":null},{"kind":"conversation"}]}`, `{"records":null}`, `[]`, ``} {
		f.Add(200, []byte(body))
	}
	f.Add(404, []byte{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		kept, err := understood(status, body)
		if err != nil {
			require.Less(t, len(err.Error()), 300, "it does not quote the answer")
		}
		for _, r := range recent(kept, "c", 2) {
			require.Equal(t, "c", r.Conversation)
			require.Equal(t, wire.RecordMessage, r.Kind)
		}
		if r, err := find(kept, want("r-7")); err == nil {
			require.True(t, r.Key == "r-7" || r.MessageID == "r-7")
		}
	})
}

// FuzzFiles: a file of the archive, or of its index, may hold anything.
func FuzzFiles(f *testing.F) {
	for _, content := range []string{record + "\n" + record, record[:20] + "\n" + record + "\n", "\n\n", "3f9a\n" + digest("c") + "\n", "null\n{}\n"} {
		f.Add([]byte(content))
	}
	d, err := OpenDirectory(f.TempDir())
	require.NoError(f, err)
	path := d.run("r")
	require.NoError(f, os.MkdirAll(filepath.Dir(path), 0o700))
	f.Fuzz(func(t *testing.T, content []byte) {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		kept, err := messages(path)
		require.NoError(t, err)
		for _, r := range kept {
			require.Equal(t, wire.RecordMessage, r.Kind)
		}
		_, err = mentions(path, want("r-7"))
		require.NoError(t, err)
		name, err := d.indexed("r")
		require.NoError(t, err)
		require.Contains(t, []int{0, 64}, len(name))
		require.NotContains(t, name, "/", "it leads to no other folder")
	})
}
