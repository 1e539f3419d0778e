package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

func TestOptOuts(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]bool{"with search attributes": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBareWorld(t, attributes)
			w.settings.SearchAttributes = attributes
			w.work()
			const ana, ben, cleo sms.Number = "+12025550180", "+12025550181", "+12025550182"
			list := filepath.Join(t.TempDir(), "optouts.csv")
			w.env["SINCH_SMS_SENDER"] = "+12065550100,+12065550101"

			require.Equal(t, "number,sender,date,source,words\n", w.does("optouts", "export"))
			require.Equal(t, "[]\n", w.does("optouts", "export", "--json"))
			w.texts(ana, "01STOP", "Stop!")
			w.says(cleo, "All is well.")
			require.Equal(t, "brought in 1 of 1 opt-out\n", w.reads("\ufeffNumber,date,source,sender\r\n1 (202) 555-0181,2026-03-02T10:00:00+01:00,web form,+12065550101\r\n", "optouts", "import"))
			w.eventually(string(ana), "optouts", "export")
			w.eventually(string(ben), "optouts", "export")

			printed := w.does("optouts", "export")
			require.Regexp(t, `^number,sender,date,source,words\n\+12025550180,,\d{4}-\d\d-\d\dT[\d:.]+Z,text,Stop!\n\+12025550181,\+12065550101,2026-03-02T09:00:00Z,web form,\n$`, printed)
			require.Equal(t, "wrote 2 opt-outs to "+list+"\n", w.does("optouts", "export", "--file", list))
			written, err := os.ReadFile(list)
			require.NoError(t, err)
			require.Equal(t, printed, string(written))
			require.Equal(t, exported{File: list, OptOuts: 2}, unmarshal[exported](t, w.does("optouts", "export", "--file", list, "--json")))
			told := unmarshal[consents](t, w.does("optouts", "export", "--json"))
			require.Equal(t, "Stop!", told[0].Words)

			// Importing an export changes nothing.
			before, err := w.reach.State(t.Context(), ana, "")
			require.NoError(t, err)
			require.Equal(t, imported{Read: 2, DryRun: true}, unmarshal[imported](t, w.does("optouts", "import", "--file", list, "--dry-run", "--json")))
			require.Equal(t, imported{Read: 2, Imported: 2}, unmarshal[imported](t, w.does("optouts", "import", "--file", list, "--json")))
			require.Equal(t, printed, w.does("optouts", "export"))
			after, err := w.reach.State(t.Context(), ana, "")
			require.NoError(t, err)
			require.Equal(t, before.OptedOut, after.OptedOut)
			require.Len(t, w.carrier.sent(), 2, "one text, one confirmation, and nothing for what was brought in")

			// It restores what is lost, and says where it came from.
			other := newWorld(t)
			other.env["SINCH_SMS_SENDER"] = w.env["SINCH_SMS_SENDER"]
			other.does("optouts", "import", "--file", list)
			other.work()
			require.Equal(t, printed, other.eventually(string(ben), "optouts", "export"))
			require.Contains(t, other.does("show", string(ana)), ", brought in from text with \"Stop!\"; nothing is sent until they text START.\n")
			require.Equal(t, "parley: not sent: the contact opted out\n", other.fails(1, "send", string(ana), "Are you sure?"))
		})
	}
}

// reads runs a command that must succeed with something on standard input.
func (w *world) reads(stdin string, args ...string) string {
	w.t.Helper()
	stdout, stderr, code := parleyReading(w.t, w.env, stdin, args...)
	require.Equal(w.t, 0, code, stderr)
	return stdout
}

func TestImportOfABadList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ana sms.Number = "+12025550183"
	const list = "number,date,source\n+12025550183,2026-03-02T09:00:00Z,a call\nnobody,2026-03-02T09:00:00Z,a call\n+12025550184,yesterday,a call\n"

	_, complaint, code := parleyReading(t, w.env, list, "optouts", "import")
	require.Equal(t, 1, code)
	require.Equal(t, "parley: nothing was brought in: line 3: "+sms.ErrNotANumber.Error()+"; line 4: write a time with its offset from UTC, like 2026-11-24T15:00:00+01:00\n", complaint)
	_, err := conversations.Describe(t.Context(), w.temporal, wire.ID(ana, ""), "")
	require.True(t, conversations.IsNotFound(err))

	require.Contains(t, w.reads(list, "optouts", "import", "--skip-bad"), "line 3: "+sms.ErrNotANumber.Error()+"\n")
	_, err = conversations.Describe(t.Context(), w.temporal, wire.ID(ana, ""), "")
	require.NoError(t, err)

	_, complaint, code = parleyReading(t, w.env, "number,date,source,sender\n+12025550183,2026-03-02T09:00:00Z,a call,+12065550100\n", "optouts", "import")
	require.Equal(t, 2, code)
	require.Contains(t, complaint, "the sender column needs SINCH_SMS_SENDER")
	require.Contains(t, w.fails(1, "optouts", "import", "--file", filepath.Join(t.TempDir(), "none.csv")), "no such file")
}

func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, complaints strings.Builder
	code := make(chan int, 1)
	go func() {
		list := "number,date,source\n+12025550185,2026-03-02T09:00:00Z,a call\n+12025550186,2026-03-02T09:00:00Z,a call\n"
		code <- run(ctx, []string{"optouts", "import", "--rate", "1/h"}, w.env, strings.NewReader(list), &out, &complaints)
	}()
	require.Eventually(t, func() bool {
		_, err := conversations.Describe(t.Context(), w.temporal, "conversation:+12025550185", "")
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	cancel()
	require.Equal(t, 1, <-code)
	require.Contains(t, out.String(), "brought in ")
	require.Regexp(t, `^parley: after \d of 2 opt-outs: interrupted; the same command again changes nothing for those\n$`, complaints.String())
}

// Half a backup would be taken for a whole one.
func TestExportIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.work()
	w.texts("+12025550187", "01STOP", "Stop")
	w.eventually("+12025550187", "list", "--state", "optedout")
	stop()
	list := filepath.Join(t.TempDir(), "optouts.csv")
	require.NoError(t, os.WriteFile(list, []byte("as it was"), 0o600))
	require.Contains(t, w.fails(1, "optouts", "export", "--file", list, "--timeout", "2s"), "after 0 of 1 conversation: a running conversation answers only while a worker runs")
	left, err := os.ReadFile(list)
	require.NoError(t, err)
	require.Equal(t, "as it was", string(left))
}

func TestConsentsThatAreNone(t *testing.T) {
	t.Parallel()
	const header = "number,date,source\n"
	now := at("12:00:00")
	for name, test := range map[string]struct{ list, complaint string }{
		"empty":             {"", "it is empty"},
		"no header":         {"+12025550180,2026-03-02T09:00:00Z,x\n", `column "+12025550180" is not understood`},
		"a column missing":  {"number,date\n", `there is no column "source"`},
		"a column twice":    {"number,date,source,date\n", `column "date" is not understood, or there twice`},
		"misspelt sender":   {"number,date,source,sendr\n", `column "sendr" is not understood`},
		"semicolons":        {"number;date;source\n", `column "number;date;source" is not understood`},
		"an open quote":     {header + "+12025550180,2026-03-02T09:00:00Z,\"x\n", "reading the list: "},
		"a field too few":   {header + "+12025550180,2026-03-02T09:00:00Z\n", "line 2: it has 2 fields, and the first line has 3"},
		"no number":         {header + "43000,2026-03-02T09:00:00Z,x\n", "line 2: not a phone number"},
		"as a float":        {header + "1.20256E+10,2026-03-02T09:00:00Z,x\n", "line 2: not a phone number"},
		"a date without it": {header + "+12025550180,2026-03-02,x\n", "line 2: write a time with its offset"},
		"tomorrow":          {header + "+12025550180,2026-11-26T09:00:00Z,x\n", "line 2: its date is in the future"},
		"year zero":         {header + "+12025550180,0001-01-01T00:00:00Z,x\n", "line 2: its date is older"},
		"no source":         {header + "+12025550180,2026-03-02T09:00:00Z, \n", "line 2: it has no source"},
		"a long source":     {header + "+12025550180,2026-03-02T09:00:00Z," + strings.Repeat("x", 201) + "\n", "line 2: its source is longer"},
		"no sender":         {"number,date,source,sender\n+12025550180,2026-03-02T09:00:00Z,x,a:b\n", "line 2: its sender is no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good, bad, err := readConsents(strings.NewReader(test.list), now)
			require.Empty(t, good)
			if err == nil {
				require.Len(t, bad, 1)
				err = bad[0]
			}
			require.ErrorContains(t, err, test.complaint)
		})
	}
}

// Words come from strangers, and a spreadsheet obeys what it is given.
func TestConsentsAreHarmless(t *testing.T) {
	t.Parallel()
	all := []conversations.OptOut{
		{Number: "+12025550180", Sender: "+12065550100", Date: at("08:00:00.123456789"), Source: "text", Words: `=HYPERLINK("http://x","STOP")`},
		{Number: "+12025550181", Sender: "ACME", Date: at("08:00:00"), Source: "@import", Words: "+STOP"},
		{Number: "+12025550182", Sender: "-x", Date: at("08:00:00"), Source: "text", Words: "  -1+1"},
		{Number: "+12025550183", Date: at("08:00:00"), Source: "text", Words: "'=1"},
		{Number: "+12025550184", Date: at("08:00:00"), Source: "text", Words: "'"},
		{Number: "+12025550185", Date: at("08:00:00"), Source: "text", Words: "Stop, \"please\"\n=now"},
		{Number: "+12025550186", Date: at("08:00:00"), Source: "text", Words: "'tis enough"},
		{Number: "+12025550187", Date: at("08:00:00"), Source: "text", Words: "\t=1"},
	}
	var list bytes.Buffer
	require.NoError(t, writeConsents(&list, all))
	for _, cell := range []string{`"'=HYPERLINK(`, ",'-x,", ",'@import,", ",'+STOP\n", ",'  -1+1\n", ",''=1\n", ",''\n", ",+12065550100,", ",'\t=1\n"} {
		require.Contains(t, list.String(), cell)
	}
	read, bad, err := readConsents(&list, at("12:00:00"))
	require.NoError(t, err)
	require.Empty(t, bad)
	require.Equal(t, all, read)

	require.NoError(t, writeConsents(&list, []conversations.OptOut{{Number: "+12025550180", Source: "text", Words: "\x1b[2JStop\r\nnow"}}))
	require.Contains(t, list.String(), "\"�[2JStop\nnow\"")
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{"", "'", "=1", "'=1", "''=1", " +1", "\t", "Stop", "＝1", "'tis"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, s, unguard(guard(s)))
		require.False(t, strings.HasPrefix(guard(s), "=") || strings.HasPrefix(guard(s), "+"))
	})
}

// FuzzReadConsents: a list may hold anything; what is good in it can be written
// and read again.
func FuzzReadConsents(f *testing.F) {
	for _, list := range []string{
		"number,sender,date,source,words\n+15559876543,,2026-03-02T09:00:00Z,text,Stop\n", "\ufeffdate,number,source\n2026-03-02T09:00:00+01:00,1 555 987 6543,web form\nx\n",
		"number,date,source\n\"", "number,number,date\n", "number,date,source\n+15559876543,2026-03-02T09:00:00Z,'=1\n", "",
	} {
		f.Add([]byte(list))
	}
	now := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, list []byte) {
		good, _, err := readConsents(bytes.NewReader(list), now)
		if err != nil {
			require.Empty(t, good)
			return
		}
		var written bytes.Buffer
		require.NoError(t, writeConsents(&written, good))
		again, bad, err := readConsents(&written, now)
		require.NoError(t, err)
		require.Len(t, again, len(good), "%v", bad)
		for i := range good {
			require.Equal(t, good[i].Number, again[i].Number)
			require.Equal(t, good[i].Sender, again[i].Sender)
			require.True(t, good[i].Date.Equal(again[i].Date))
		}
	})
}
