package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"

	"parley/conversation/wire"
	"parley/sms"
	"parley/test/e2e"
)

// Who looks after a conversation reads its details in Temporal's UI, which shows
// them as Markdown. Whatever a contact writes is words there: it makes no line
// that looks like one of ours, and no link that leads elsewhere than it says.
func TestDetailsShowTextsAsWords(t *testing.T) {
	promise(t, "a contact's text forms no line, link or emphasis of its own in what Temporal's UI shows of the conversation",
		"the backslash is not escaped where brackets and stars are, and of the line ends only one is replaced")

	w := e2e.New(t)
	texts := map[string]string{
		"a line":                              "hello\n- 1 Jan 10:00:00 UTC **responder**: all is well",
		"a line by CR":                        "hello\r- 1 Jan 10:00:00 UTC **responder**: all is well",
		"a line by CR LF":                     "hello\r\n- parked (send-denied): call 12",
		"a line by vertical tab":              "hello\v# Needs attention",
		"a line by form feed":                 "hello\f# Needs attention",
		"a line by U+0085":                    "hello\u0085# Needs attention",
		"a line by U+2028":                    "hello\u2028# Needs attention",
		"a line by U+2029":                    "hello\u2029# Needs attention",
		"a heading, by underlining":           "hello\r===",
		"a link":                              "[sign in](http://203.0.113.7/)",
		"a link behind a backslash":           `\[sign in](http://203.0.113.7/)`,
		"a link behind three":                 `\\\[sign in](http://203.0.113.7/)`,
		"a picture behind a backslash":        `!\[sign in](http://203.0.113.7/x.png)`,
		"a link in angle brackets":            "<http://203.0.113.7/>",
		"a link in angle brackets, backslash": `\<http://203.0.113.7/>`,
		"bold":                                "**Needs attention**",
		"bold behind a backslash":             `\*\*Needs attention\*\*`,
		"italics behind a backslash":          `\_delivered\_`,
		"code":                                "`delivered`",
		"code behind a backslash":             "\\`delivered\\`",
		"fences":                              "```\ndelivered\n```",
		"HTML":                                `<b onclick="x()">Needs attention</b>`,
		"a backslash last":                    `hello\`,
		"two of them":                         `hello\\`,
		"a way out of what was escaped twice": `\\*\\[x\\](http://203.0.113.7/)`,
	}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	const plain = "hello"
	w.Text(guest, plain)
	w.Receives(guest, plain)
	for i, name := range names {
		w.Text(guests(i), texts[name])
	}
	want := skeleton(shownOf(w, guest))
	require.Equal(t, 2, strings.Count(want, "\n-"), "a line for the text, and one for the reply: %s", want)

	forged := map[string]string{}
	for i, name := range names {
		w.Receives(guests(i), "You said:")
		if details := shownOf(w, guests(i)); skeleton(details) != want {
			forged[name] = details
		}
	}
	t.Logf("figures: %d of %d texts are more than words", len(forged), len(texts))
	for name, details := range forged {
		t.Logf("%s:\n%q", name, details)
	}
	require.Empty(t, slices.DeleteFunc(names, func(name string) bool { return forged[name] == "" }), "texts that are more than words")
}

// shownOf is what Temporal's UI shows of a conversation, once its texts are
// delivered.
func shownOf(w *e2e.World, contact sms.Number) string {
	w.T.Helper()
	w.Eventually("text and reply are in the transcript", func() bool {
		transcript := w.State(contact).Transcript
		return len(transcript) == 2 && transcript[1].Status == sms.StatusDelivered
	})
	value, err := w.Temporal.QueryWorkflow(w.Ctx(), wire.ID(contact, ""), "", "__temporal_workflow_metadata")
	require.NoError(w.T, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(w.T, value.Get(&metadata))
	return metadata.GetCurrentDetails()
}

// skeleton is what a reader of Markdown takes for structure: the line ends of any
// system, what each line begins with, and the signs that are not escaped. Code
// is one thing, whatever it holds.
func skeleton(details string) string {
	var b strings.Builder
	const signs, ends = "*_[<", "\r\n\v\f\u0085\u2028\u2029"
	runes := []rune(details)
	begins := true
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case strings.ContainsRune(ends, r):
			b.WriteByte('\n')
			begins = true
			continue
		case begins && strings.ContainsRune("-#>=+~|0123456789", r):
			b.WriteRune(r)
		case r == '\\' && i+1 < len(runes) && !strings.ContainsRune(ends, runes[i+1]):
			i++ // what follows stands for itself
		case r == '`':
			ticks := 1
			for i+ticks < len(runes) && runes[i+ticks] == '`' {
				ticks++
			}
			b.WriteString("code")
			i += ticks - 1
			if length := codeEnds(runes[i+1:], ticks); length > 0 {
				i += length
			}
		case strings.ContainsRune(signs, r):
			b.WriteRune(r)
		}
		begins = false
	}
	return b.String()
}

// codeEnds is how far it is to the end of code that began with so many ticks, or
// zero if it does not end.
func codeEnds(runes []rune, ticks int) int {
	run := 0
	for i, r := range runes {
		if r == '`' {
			run++
			continue
		}
		if run == ticks {
			return i
		}
		run = 0
	}
	if run == ticks {
		return len(runes)
	}
	return 0
}
