package numbers_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
	"parley/sms/numbers"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     sms.Number // empty: refused
	}{
		{"as Sinch calls back", "12015555555", "+12015555555"},
		{"as people write", "+1 (201) 555-5555", "+12015555555"},
		{"possible, though not assigned", "+15559876543", "+15559876543"},
		{"Swedish", "+46702571492", "+46702571492"},
		{"Swedish without plus", "46702571492", "+46702571492"},
		{"German with a trunk zero", "+49 (0)30 901820", "+4930901820"},
		{"a small island", "+683 4000", "+6834000"},
		{"spaces around", "  +12015555555\n", "+12015555555"},
		{"non-breaking space", "+1\u00a0201\u00a05555555", "+12015555555"},

		{"empty", "", ""},
		{"only a plus", "+", ""},
		{"letters", "+1800FLOWERS", ""},
		{"a word", "hello", ""},
		{"an extension", "+12015555555;ext=9", ""},
		{"an extension in words", "+12015555555 x9", ""},
		{"two plus signs", "++12015555555", ""},
		{"a plus inside", "1+2015555555", ""},
		{"unknown country", "+9991234567890", ""},
		{"without area code", "+15551234", ""},
		{"too long", "+120155555555", ""},
		{"longer than E.164", "+49301234567890123", ""},
		{"five-digit short code", "12345", ""},
		{"short code that looks Austrian", "43000", ""},
		{"six-digit short code that looks German", "494949", ""},
		{"digits of another script", "+١٢٠١٥٥٥٥٥٥٥", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := numbers.Parse(tt.in)
			require.Equal(t, tt.want, got)
			if tt.want == "" {
				require.ErrorIs(t, err, sms.ErrNotANumber)
				return
			}
			require.NoError(t, err)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12015555555", "+1 (201) 555-5555", "+46702571492", "43000", "+49 (0)30 901820", "+39 06 69812345", "+", "", "hello", "+54 9 11 1234 5678"} {
		f.Add(s)
	}
	e164 := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := numbers.Parse(s)
		if err != nil {
			require.Empty(t, n)
			return
		}
		require.Regexp(t, e164, string(n))
		again, err := numbers.Parse(string(n))
		require.NoError(t, err)
		require.Equal(t, n, again)
		without, err := numbers.Parse(string(n[1:]))
		require.NoError(t, err)
		require.Equal(t, n, without)
		inside, err := sms.NumberOf(string(n))
		require.NoError(t, err, "what a door lets in is a number to a workflow")
		require.Equal(t, n, inside)
	})
}

func TestParseSender(t *testing.T) {
	t.Parallel()
	require.Equal(t, sms.Sender("+12065550100"), numbers.ParseSender("12065550100"))
	require.Equal(t, sms.Sender("12345"), numbers.ParseSender("12345"))
	require.Equal(t, sms.Sender("43000"), numbers.ParseSender("43000"))
	require.Equal(t, sms.Sender("ACME"), numbers.ParseSender("ACME"))
	require.Equal(t, sms.Sender(""), numbers.ParseSender(""))
}

// TestNoWorkflowKnowsTheTables: a table that changes must not change how a history
// replays.
func TestNoWorkflowKnowsTheTables(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "parley/conversation", "parley/conversation/wire", "parley/conversation/engine", "parley/workflows").Output()
	require.NoError(t, err)
	needed := strings.Fields(string(out))
	require.Contains(t, needed, "parley/sms")
	require.NotContains(t, needed, "parley/sms/numbers")
	require.NotContains(t, needed, "github.com/nyaruka/phonenumbers")
}
