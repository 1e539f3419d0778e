package sms_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestNumberOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     sms.Number // empty: refused
	}{
		{"E.164", "+15559876543", "+15559876543"},
		{"as people write", "+1 (201) 555-5555", "+12015555555"},
		{"dots and a slash", "+49.30/901820", "+4930901820"},
		{"spaces around", "  +12015555555\n", "+12015555555"},
		{"non-breaking space", "+1\u00a0201\u00a05555555", "+12015555555"},
		{"the shortest", "+683 4000", "+6834000"},
		{"the longest", "+123456789012345", "+123456789012345"},
		{"of a country that no table has", "+9991234567890", "+9991234567890"},
		{"with a trunk zero, which is for a door to know", "+49 (0)30 901820", "+49030901820"},

		{"empty", "", ""},
		{"only a plus", "+", ""},
		{"without plus", "12015555555", ""},
		{"too short", "+123456", ""},
		{"too long", "+1234567890123456", ""},
		{"a zero in front", "+0046702571492", ""},
		{"a plus inside", "1+2015555555", ""},
		{"two plus signs", "++12015555555", ""},
		{"a bracket before the plus", "(+1) 201 555 5555", ""},
		{"letters", "+1800FLOWERS", ""},
		{"an extension", "+12015555555;ext=9", ""},
		{"a line end inside", "+1201\n5555555", ""},
		{"digits of another script", "+١٢٠١٥٥٥٥٥٥٥", ""},
		{"no characters at all", "+1201\xff5555555", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sms.NumberOf(tt.in)
			require.Equal(t, tt.want, got)
			if tt.want == "" {
				require.ErrorIs(t, err, sms.ErrNotANumber)
				return
			}
			require.NoError(t, err)
		})
	}
}

func FuzzNumberOf(f *testing.F) {
	for _, s := range []string{"12015555555", "+1 (201) 555-5555", "+46702571492", "+43000", "+49 (0)30 901820", "+", "", "hello", "+54 9 11 1234 5678"} {
		f.Add(s)
	}
	e164 := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := sms.NumberOf(s)
		if err != nil {
			require.Empty(t, n)
			return
		}
		require.Regexp(t, e164, string(n))
		again, err := sms.NumberOf(string(n))
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}

func TestNumberMasked(t *testing.T) {
	t.Parallel()
	require.Equal(t, "+1•••543", sms.Number("+15559876543").Masked())
	require.Equal(t, "+6•••000", sms.Number("+6834000").Masked())
	require.Equal(t, "•••", sms.Number("12345").Masked())
	require.Equal(t, "•••", sms.Number("").Masked())
	require.Equal(t, "+1•••543", sms.Sender("+15559876543").Masked())
	require.Equal(t, "+1•••543", sms.Sender("15559876543").Masked(), "as somebody may write it")
	require.Equal(t, "12345", sms.Sender("12345").Masked(), "a short code is public")
	require.Equal(t, "ACME", sms.Sender("ACME").Masked())
}

func TestNumberFromJSON(t *testing.T) {
	t.Parallel()
	var in struct{ To sms.Number }
	require.NoError(t, json.Unmarshal([]byte(`{"To":"+1 (201) 555-5555"}`), &in))
	require.Equal(t, sms.Number("+12015555555"), in.To)
	require.NoError(t, json.Unmarshal([]byte(`{"To":"+9991234567890"}`), &in), "the form is enough")
	require.Equal(t, sms.Number("+9991234567890"), in.To)
	require.NoError(t, json.Unmarshal([]byte(`{"To":""}`), &in))
	require.Empty(t, in.To)
	for _, no := range []string{"nobody", "12015555555", "+43000"} {
		err := json.Unmarshal([]byte(`{"To":"`+no+`"}`), &in)
		require.ErrorIs(t, err, sms.ErrNotANumber)
		require.NotContains(t, err.Error(), no)
	}
	require.ErrorContains(t, json.Unmarshal([]byte(`{"To":5}`), &in), "reading a phone number")
}
