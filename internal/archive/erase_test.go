package archive_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/internal/archive"
)

const (
	anaElsewhere = ana + ":+12065550199" // over another number of ours
	anasNeighbor = ana + "1"             // begins alike, and is somebody else
	neighbors    = "0198a7c2-6666-7000-8000-000000000006"
)

func TestDirectoryErases(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	n, err := d.Erase(t.Context(), ana)
	require.NoError(t, err, "nothing is kept yet")
	require.Zero(t, n)

	first := ours(ana, anas1, 1)
	store(t, d, first, ours(ana, anas1, 2))
	store(t, d, became(first, "delivered"), ours(ana, anas2, 1))
	store(t, d, ours(anaElsewhere, runID(1), 1))
	store(t, d, ours(anasNeighbor, neighbors, 1))
	store(t, d, ours(ben, bens, 1))

	n, err = d.Erase(t.Context(), ana)
	require.NoError(t, err)
	require.Equal(t, 4, n, "a record is one, however many versions it had")
	for _, gone := range []string{ana, anaElsewhere} {
		require.Empty(t, keys(t, d, gone, 20))
	}
	for _, key := range []string{anas1 + "-1", anas2 + "-1", runID(1) + "-1", first.MessageID} {
		_, err := d.Find(t.Context(), key)
		require.ErrorIs(t, err, activities.ErrNoRecord)
	}
	require.Equal(t, []string{neighbors + "-1"}, keys(t, d, anasNeighbor, 20), "the beginning of a number is no number")
	require.Equal(t, []string{bens + "-1"}, keys(t, d, ben, 20))
	require.Len(t, files(t, root), 4, "a file and an index entry of each that stays, and nothing of who is gone")

	n, err = d.Erase(t.Context(), ana)
	require.NoError(t, err)
	require.Zero(t, n, "again")

	store(t, d, ours(ana, anas2, 2))
	require.Equal(t, []string{anas2 + "-2"}, keys(t, d, ana, 20), "who writes again is kept again")
	n, err = d.Erase(t.Context(), anaElsewhere)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, keys(t, d, ana, 20), 1, "one sender's conversation can be erased alone")

	_, err = d.Erase(t.Context(), "")
	require.Error(t, err)
	require.Len(t, keys(t, d, ben, 20), 1)
}

// fileOf is the file of a conversation, by the name that docs give it.
func fileOf(root, conversation string) string {
	sum := sha256.Sum256([]byte(conversation))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(root, "conversations", name[:2], name+".jsonl")
}

// Whoever was killed between two files is followed by somebody who finishes.
func TestEraseAfterHalfOfOne(t *testing.T) {
	t.Parallel()

	for name, half := range map[string]func(t *testing.T, root string){
		"entries are gone": func(t *testing.T, root string) {
			require.NoError(t, os.Remove(files(t, filepath.Join(root, "runs"))[0]))
		},
		"a file is gone": func(t *testing.T, root string) {
			require.NoError(t, os.Remove(fileOf(root, ana)))
		},
		"the first line is torn": func(t *testing.T, root string) {
			whole, err := os.ReadFile(fileOf(root, anaElsewhere))
			require.NoError(t, err)
			overwrite(t, fileOf(root, anaElsewhere), append([]byte(`{"id":"0198`+"\n\n"), whole...))
		},
		"nothing of it can be read": func(t *testing.T, root string) {
			overwrite(t, fileOf(root, ana), []byte(`{"id":"0198`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			root := t.TempDir()
			d := open(t, root)
			store(t, d, ours(ana, anas1, 1))
			store(t, d, ours(anaElsewhere, anas2, 1))
			half(t, root)
			_, err := d.Erase(t.Context(), ana)
			require.NoError(t, err)
			require.Empty(t, files(t, root))
		})
	}
}

// A file that nobody can read may be this contact's: it is not said to be gone.
func TestEraseFails(t *testing.T) {
	t.Parallel()

	root := filepath.Join(t.TempDir(), "secret-place")
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	store(t, d, ours(ben, bens, 1))
	require.NoError(t, os.Remove(fileOf(root, ben)))
	require.NoError(t, os.Symlink(filepath.Base(fileOf(root, ben)), fileOf(root, ben))) // nobody can open it
	_, err := d.Erase(t.Context(), ana)
	require.ErrorContains(t, err, "PARLEY_ARCHIVE_DIR")
	for _, private := range []string{"555", "secret", filepath.Base(fileOf(root, ben))} {
		require.NotContains(t, err.Error(), private)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Erase(ctx, ana)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, keys(t, d, ana, 20), 1)
}

func TestHookErases(t *testing.T) {
	t.Parallel()

	k, h := service(t)
	store(t, h, ours(ana, anas1, 1), ours(ana, anas1, 2))
	store(t, h, ours(anaElsewhere, anas2, 1))
	store(t, h, ours(anasNeighbor, neighbors, 1))

	n, err := h.Erase(t.Context(), ana)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, []string{neighbors + "-1"}, keys(t, h, anasNeighbor, 20))
	require.Len(t, k.kept, 1)

	store(t, h, ours(ana, anas2, 2))
	n, err = h.Erase(t.Context(), ana)
	require.NoError(t, err)
	require.Equal(t, 1, n, "it is no repetition of the first")

	_, err = h.Erase(t.Context(), "")
	require.Error(t, err)
	require.Len(t, k.kept, 1)
}

func TestHookEraseFails(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		status int
		body   string
		want   string // empty: erased
	}{
		"says how many":            {200, `{"erased":3,"more":true}`, ""},
		"accepted":                 {202, `{"erased":0}`, ""},
		"knows of batches only":    {200, `{"stored":0}`, "did not answer"},
		"no content":               {204, "", "did not answer"},
		"nothing":                  {200, `{"erased":null}`, "did not answer"},
		"less than nothing":        {200, `{"erased":-1}`, "did not answer"},
		"no number":                {200, `{"erased":"of +15559876543"}`, "did not answer"},
		"an error of its own":      {500, "text 1 of +15559876543", "HTTP 500"},
		"does not know the method": {405, "", "HTTP 405"},
		"elsewhere":                {302, "", "HTTP 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			h := archive.Hook{Hook: activities.Hook{URL: server.URL + "/?token=private"}}
			_, err := h.Erase(t.Context(), ana)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "erasing at PARLEY_ARCHIVE_URL")
			require.ErrorContains(t, err, test.want)
			discreet(t, err)
		})
	}
}
