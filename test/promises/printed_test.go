package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/test/e2e"
)

// An operator reads JSON on a terminal as often as a program does. There a sign
// that is no letter can move the cursor, or turn the writing around.
func TestJSONForTerminals(t *testing.T) {
	promise(t, "what parley prints as JSON holds no control character and no sign that changes the direction of writing, except escaped",
		"C1 controls, DEL and the bidirectional signs are printed as they are")

	w := e2e.New(t)
	const hostile = "a\x1b[31mb\u009b31mc\u0085d\x7fe\u202ef\u2066g\u2069h\u200fi\u061cj\u2028k"
	w.Text(guest, hostile)
	w.Receives(guest, "You said:")

	// A script of somebody's own may be called anything.
	ask := fmt.Sprintf(`{"schema":1,"id":"ask-1","kind":"ask","body":{"script":{"type":%s,"workflow_id":"nobody","run_id":""},"text":"question?"}}`, e2e.Must(json.Marshal(hostile)))
	var e wire.Envelope
	require.NoError(t, json.Unmarshal([]byte(ask), &e))
	require.NoError(t, w.Client().Tell(w.Ctx(), guest, "", e))
	w.Receives(guest, "question?")

	commands := map[string][]string{
		"show": {"show", string(guest), "--json"},
		"list": {"list", "--json"},
	}
	raw := map[string]string{}
	for name, args := range commands {
		var printed string
		w.Eventually(name+" prints the words", func() bool { // the list is a second or two late
			var complaint string
			var err error
			printed, complaint, err = typed(w, args...)
			require.NoError(t, err, "parley %s: %s", name, complaint)
			return strings.Contains(words(t, printed), hostile)
		})
		if found := controls(printed); len(found) > 0 {
			raw[name] = fmt.Sprintf("%U", found)
		}
	}
	t.Logf("figures: raw are %v", raw)
	require.Empty(t, raw, "characters that are printed as they are")
}

// words are all strings of a JSON value, as a program reads them.
func words(t *testing.T, printed string) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(printed), &value), "%q", printed)
	var b strings.Builder
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(value)
	return b.String()
}

// controls are the characters that do something to a terminal instead of being
// shown; line ends may stand between the values of JSON.
func controls(printed string) []rune {
	var found []rune
	for _, r := range printed {
		switch {
		case r == '\n':
		case r < ' ', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, // controls, line ends
			r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
			if !slices.Contains(found, r) {
				found = append(found, r)
			}
		}
	}
	return found
}
