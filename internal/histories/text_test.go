package histories

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestBlank(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"", ""},
		{"Hi Ana, call 555-0142!", "Xx Xxx, xxxx 000-0000!"},
		{"Grüße für €5", "Xxééx xéx €0"},
		{"Zażółć", "Xxжжжж"},
		{"ΔΣ", "ÉÉ"},
		{"日本語 👍🏽", "字字字 🙂🙂"},
		{"ana@example.com", "xxx@xxxxxxx.xxx"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, blank(tt.text))
			require.Equal(t, sms.SegmentsOf(tt.text), sms.SegmentsOf(blank(tt.text)))
		})
	}
}

// FuzzBlank: no letter and no digit is left of a text, and it costs as much.
func FuzzBlank(f *testing.F) {
	for _, text := range []string{"", "Hi Ana 👍", "Zażółć €{}", "+15559876543", "ſßİ𝟗٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip("JSON holds no such text")
		}
		out := blank(text)
		for _, r := range out {
			if unicode.IsDigit(r) && r != '0' || unicode.IsLetter(r) && !strings.ContainsRune("XxÉéЖж字", r) {
				t.Fatalf("%q became %q", text, out)
			}
		}
		if sms.SegmentsOf(text) != sms.SegmentsOf(out) || len(out) != len(text) {
			t.Fatalf("%q became %q, which is not of the same length", text, out)
		}
		if blank(out) != out {
			t.Fatalf("%q becomes another text each time", text)
		}
	})
}
