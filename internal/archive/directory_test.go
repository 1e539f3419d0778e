package archive_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/archive"
	"parley/sms"
)

const (
	ana   = "conversation:+15559876543"
	ben   = "conversation:+15550100:+12065550100"
	anas1 = "0198a7c2-1111-7000-8000-000000000001"
	anas2 = "0198a7c2-2222-7000-8000-000000000002"
	bens  = "0198a7c2-3333-7000-8000-000000000003"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// ours is the nth message of a run, which was sent n minutes past noon.
func ours(conversation, run string, n int) activities.Record {
	key := fmt.Sprintf("%s-%d", run, n)
	return activities.Record{
		ID: key, Kind: wire.RecordMessage, Conversation: conversation, FirstRunID: run,
		Key: key, MessageID: "01K1" + strings.ToUpper(run[9:13]) + fmt.Sprint(n),
		Line: &wire.Line{From: "responder", Text: fmt.Sprint("text ", n), Time: noon.Add(time.Duration(n) * time.Minute)},
		At:   noon.Add(time.Hour), Message: &wire.Message{Status: sms.StatusAccepted},
	}
}

// became is a later version of a message.
func became(r activities.Record, status sms.Status) activities.Record {
	r.At = r.At.Add(time.Minute)
	r.Message = &wire.Message{Status: status}
	return r
}

func open(t *testing.T, path string) *archive.Directory {
	t.Helper()
	d, err := archive.OpenDirectory(path)
	require.NoError(t, err)
	return d
}

func store(t *testing.T, a activities.Archive, records ...activities.Record) {
	t.Helper()
	require.NoError(t, a.Store(t.Context(), records))
}

// keys are what Recent returns, in a form that is easy to compare.
func keys(t *testing.T, a activities.Archive, conversation string, n int) []string {
	t.Helper()
	records, err := a.Recent(t.Context(), conversation, n)
	require.NoError(t, err)
	keys := []string{}
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

// files lists what is under a folder.
func files(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// only is the one file of all conversations.
func only(t *testing.T, root string) string {
	t.Helper()
	found := files(t, filepath.Join(root, "conversations"))
	require.Len(t, found, 1)
	return found[0]
}

// overwrite makes a file again, since some file systems are slow to shorten one.
func overwrite(t *testing.T, file string, content []byte) {
	t.Helper()
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(file, content, 0o600)) //nolint:gosec // in the test's own folder
}

func TestDirectoryTellsTheLastMessages(t *testing.T) {
	t.Parallel()

	d := open(t, filepath.Join(t.TempDir(), "made", "on the way"))
	require.Empty(t, keys(t, d, ana, 20), "nothing is kept yet")

	first, second, third := ours(ana, anas1, 1), ours(ana, anas1, 2), ours(ana, anas2, 3)
	closing := activities.Record{ID: anas1, Kind: wire.RecordConversation, Conversation: ana, FirstRunID: anas1, Closing: &wire.Closing{}}
	store(t, d, third, first) // as they became final
	store(t, d, second, closing)
	store(t, d, ours(ben, bens, 1))
	store(t, d)

	require.Equal(t, []string{first.Key, second.Key, third.Key}, keys(t, d, ana, 20))
	require.Equal(t, []string{second.Key, third.Key}, keys(t, d, ana, 2))
	require.Empty(t, keys(t, d, ana, 0))
	require.Len(t, keys(t, d, ben, 20), 1)

	records, err := d.Recent(t.Context(), ana, 3)
	require.NoError(t, err)
	require.Equal(t, []activities.Record{first, second, third}, records, "as they were stored")
}

func TestDirectoryTellsTheLastVersion(t *testing.T) {
	t.Parallel()

	d := open(t, t.TempDir())
	sent := ours(ana, anas1, 1)
	failed := became(sent, "failed")
	delivered := became(failed, "delivered")
	store(t, d, sent)
	store(t, d, failed)
	store(t, d, ours(ana, anas1, 2))
	store(t, d, delivered)
	store(t, d, failed) // by an attempt that everybody had given up

	require.Len(t, keys(t, d, ana, 20), 2)
	records, err := d.Recent(t.Context(), ana, 20)
	require.NoError(t, err)
	require.Equal(t, delivered, records[0])
	r, err := d.Find(t.Context(), sent.Key)
	require.NoError(t, err)
	require.Equal(t, delivered, r)

	same := delivered
	same.Message = &wire.Message{Status: sms.StatusRead}
	store(t, d, same)
	r, err = d.Find(t.Context(), sent.Key)
	require.NoError(t, err)
	require.Equal(t, same, r, "of the same time the one that was written last")
}

func TestDirectoryFinds(t *testing.T) {
	t.Parallel()

	d := open(t, filepath.Join(t.TempDir(), "a [strange] name*"))
	_, err := d.Find(t.Context(), anas1+"-1")
	require.ErrorIs(t, err, activities.ErrNoRecord, "nothing is kept yet")

	for i := range 12 {
		store(t, d, ours(ana, anas1, i+1))
	}
	theirs := ours(ana, anas2, 1)
	theirs.Key, theirs.ID, theirs.MessageID = "", "in:01KTHEIRS", "01KTHEIRS"
	store(t, d, theirs, ours(ana, anas2, 1))
	elsewhere := ours(ben, bens, 1)
	elsewhere.MessageID = "a carrier's <id> & more"
	lookalike := ours(ben, bens, 2)
	lookalike.MessageID = "0198a7c2-4444-7000-8000-000000000004"
	store(t, d, elsewhere, lookalike)
	store(t, d, activities.Record{ID: "closing", Kind: wire.RecordConversation, Conversation: ben, Key: "closing", MessageID: "closing"})

	for name, test := range map[string]struct{ keyOrID, want string }{
		"by its key":                       {anas1 + "-1", anas1 + "-1"},
		"by another key of the same run":   {anas1 + "-12", anas1 + "-12"},
		"by the key of an attempt":         {anas1 + "-1.2", anas1 + "-1"},
		"of a later run":                   {anas2 + "-1", anas2 + "-1"},
		"of another contact":               {bens + "-1", bens + "-1"},
		"by the carrier's id":              {"01K1111112", anas1 + "-12"},
		"by an id that JSON escapes":       {"a carrier's <id> & more", bens + "-1"},
		"by an id that looks like a key":   {lookalike.MessageID, bens + "-2"},
		"of the contact":                   {"01KTHEIRS", "in:01KTHEIRS"},
		"a key that was never given":       {anas1 + "-13", ""},
		"a run that is not known":          {"0198a7c2-5555-7000-8000-000000000005-1", ""},
		"the beginning of an id":           {"01KTHEIR", ""},
		"a run id":                         {anas1, ""},
		"what is not a message":            {"closing", ""},
		"nothing":                          {"", ""},
		"a way out of the folder":          {"../../../etc/passwd-1", ""},
		"an id that stands in a text only": {"text", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r, err := d.Find(t.Context(), test.keyOrID)
			if test.want == "" {
				require.ErrorIs(t, err, activities.ErrNoRecord)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, r.ID)
		})
	}
}

// The key leads to the file: the other files are not even opened.
func TestFindByKeyReadsOneFile(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ben, bens, 1))
	bensFile := only(t, root)
	store(t, d, ours(ana, anas1, 1))
	require.NoError(t, os.Remove(bensFile))
	require.NoError(t, os.Symlink(filepath.Base(bensFile), bensFile)) // nobody can open it

	_, err := d.Find(t.Context(), anas1+"-1.2")
	require.NoError(t, err)
	_, err = d.Find(t.Context(), anas1+"-2")
	require.ErrorIs(t, err, activities.ErrNoRecord)
	_, err = d.Find(t.Context(), "01KNONE")
	require.Error(t, err)
	require.NotErrorIs(t, err, activities.ErrNoRecord, "who cannot look cannot say that there is none")
}

func TestFindEndsWithItsContext(t *testing.T) {
	t.Parallel()

	d := open(t, t.TempDir())
	store(t, d, ours(ana, anas1, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Find(ctx, "01KNONE")
	require.ErrorIs(t, err, context.Canceled)
}

// Whoever lists or backs up the folder sees no phone number, and nobody but us
// reads what people wrote.
func TestNamesAndPermissions(t *testing.T) {
	t.Parallel()

	root := filepath.Join(t.TempDir(), "archive")
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	store(t, d, ours(ben, bens, 1))
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		for _, private := range []string{"5559876543", "5550100", "+", anas1} {
			require.NotContains(t, name, private)
		}
		info, err := entry.Info()
		require.NoError(t, err)
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		require.Equal(t, want, info.Mode().Perm(), name)
		return nil
	}))
	require.Len(t, files(t, root), 4, "a file and an index entry for each, and no trial left")
}

func TestLargeTextsAndLineBreaks(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	large, broken := ours(ana, anas1, 1), ours(ana, anas1, 2)
	large.Line.Text = strings.Repeat("Größe\u2028\x00\" ", 300_000)
	broken.Line.Text = "one\ntwo\r\nthree"
	broken.Message = &wire.Message{Text: broken.Line.Text}
	store(t, d, large, broken)
	store(t, d, ours(ana, anas1, 3))

	records, err := d.Recent(t.Context(), ana, 20)
	require.NoError(t, err)
	require.Len(t, records, 3)
	require.Equal(t, large.Line, records[0].Line)
	require.Equal(t, broken.Line, records[1].Line)
	require.Equal(t, broken.Message, records[1].Message)
	raw, err := os.ReadFile(only(t, root))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(raw), "\n"))
}

// A process may be killed after any byte. What it had written whole stays, and
// what others write after it is not lost.
func TestTornAfterAnyByte(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	file := only(t, root)
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	store(t, d, ours(ana, anas1, 2), ours(ana, anas1, 3))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	whole := len(before) + strings.Index(string(after[len(before):]), "\n") // the second line is, from here on

	for cut := len(before); cut <= len(after); cut++ {
		want := []string{anas1 + "-1"}
		if cut >= whole {
			want = append(want, anas1+"-2")
		}
		if cut >= len(after)-1 {
			want = append(want, anas1+"-3")
		}
		overwrite(t, file, after[:cut])
		require.Equal(t, want, keys(t, d, ana, 20), "cut at %d", cut)
		if edge := cut-whole > -3 && cut-whole < 3 || len(after)-cut < 3; !edge && cut%20 != 0 {
			continue // each trip to the disk takes its time
		}
		store(t, d, ours(ana, anas2, 4))
		require.Equal(t, append(want, anas2+"-4"), keys(t, d, ana, 20), "cut at %d", cut)
	}
}

// A machine that loses power may leave zeros where a line should be.
func TestRubbishIsSkipped(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	file := only(t, root)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, rubbish := range []string{strings.Repeat("\x00", 4096), "{}\n", "\n\n", "null\n", "[1]\n", `{"kind":"message","at":"when"}` + "\n", strings.Repeat("x", 1<<20)} {
		overwrite(t, file, append([]byte(rubbish), whole...))
		store(t, d, ours(ana, anas1, 2))
		require.Contains(t, keys(t, d, ana, 20), anas1+"-2")
		overwrite(t, file, append(whole, rubbish...))
		store(t, d, ours(ana, anas1, 2))
		require.Equal(t, []string{anas1 + "-1", anas1 + "-2"}, keys(t, d, ana, 20))
	}
}

func TestTornIndex(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	d := open(t, root)
	store(t, d, ours(ana, anas1, 1))
	index := files(t, filepath.Join(root, "runs"))
	require.Len(t, index, 1)
	whole, err := os.ReadFile(index[0])
	require.NoError(t, err)
	for cut := 0; cut < len(whole); cut += 9 {
		overwrite(t, index[0], whole[:cut])
		_, err := d.Find(t.Context(), anas1+"-1.2")
		require.NoError(t, err, "found by looking through all files")
		store(t, d, ours(ana, anas1, 2))
		_, err = d.Find(t.Context(), anas1+"-2")
		require.NoError(t, err)
	}
	repaired, err := os.ReadFile(index[0])
	require.NoError(t, err)
	require.Contains(t, string(repaired), strings.TrimSpace(string(whole)))
}

// Errors end in Temporal's history and in logs.
func TestErrorsAreDiscreet(t *testing.T) {
	t.Parallel()

	root := filepath.Join(t.TempDir(), "secret-place")
	d := open(t, root)
	r := ours(ana, anas1, 1)
	r.Line.Text = "a private matter"
	store(t, d, r)
	file := only(t, root)
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Mkdir(file, 0o700)) // not even root can write to it

	invalid := r
	invalid.At = invalid.At.AddDate(9000, 0, 0) // JSON has no such year
	var errs []error
	errs = append(errs, d.Store(t.Context(), []activities.Record{r}))
	errs = append(errs, d.Store(t.Context(), []activities.Record{invalid}))
	errs = append(errs, d.Store(t.Context(), []activities.Record{r, ours(ben, bens, 1)}))
	_, err := d.Recent(t.Context(), ana, 1)
	errs = append(errs, err)
	_, err = d.Find(t.Context(), r.Key)
	errs = append(errs, err)
	for _, err := range errs {
		require.ErrorContains(t, err, "PARLEY_ARCHIVE_DIR")
		for _, private := range []string{"555", "private", "secret", filepath.Base(file)} {
			require.NotContains(t, err.Error(), private)
		}
	}
	require.ErrorContains(t, errs[0], "is a directory")
}

func TestOpenDirectory(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, path := range map[string]string{"a file": file, "under a file": filepath.Join(file, "folder"), "no name": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := archive.OpenDirectory(path)
			require.Error(t, err)
			require.NotContains(t, err.Error(), file)
		})
	}
}
