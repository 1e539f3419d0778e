package sms_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestMask(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"alone", "+15559876543", "+1•••543"},
		{"without plus, as Sinch writes", "15559876543", "+1•••543"},
		{"workflow id", "conversation:+15559876543", "conversation:+1•••543"},
		{"workflow id with a sender", "conversation:+15559876543:+12065550100", "conversation:+1•••543:+1•••100"},
		{"in a sentence", "sent to +15559876543.", "sent to +1•••543."},
		{"twice without plus", "15559876543,46702571492", "+1•••543,+4•••492"},
		{"punctuation", "call +1 (201) 555-5555 now", "call +1•••555 now"},
		{"dots", "+1.201.555.5555", "+1•••555"},
		{"non-breaking space", "+1\u00a0201\u00a0555\u00a05555", "+1•••555"},
		{"trunk zero", "+49 (0)30 901820", "+4•••820"},
		{"a count behind", "+15559876543 2 tries", "+1•••543 2 tries"},
		{"a count behind, with punctuation", "+1 201-555-5555 2 tries", "+1•••555 2 tries"},
		{"a date behind", "+15559876543 2026-11-21T21:34:05Z", "+1•••543 2026-11-21T21:34:05Z"},
		{"a small island", "+683 4000", "+6•••000"},
		{"in a URL", "http://127.0.0.1:8090/phones/%2B15559876543/messages", "http://127.0.0.1:8090/phones/+1•••543/messages"},
		{"in a URL, lower case", "to=%2b15559876543&x=1", "to=+1•••543&x=1"},
		{"in a URL, bare", "/contacts/15559876543?page=2", "/contacts/+1•••543?page=2"},
		{"JSON", `{"identity":"15559876543","app_id":""}`, `{"identity":"+1•••543","app_id":""}`},
		{"JSON, escaped", `{"to":"\u002b15559876543"}`, `{"to":"+1•••543"}`},
		{"after an underscore", "to_15559876543", "to_+1•••543"},
		{"glued to a word", "tel:+15559876543;ext=9", "tel:+1•••543;ext=9"},
		{"glued to letters", "+15559876543abc", "+1•••543abc"},
		{"national", "(201) 555-5555 or 201-555-5555 or 1-201-555-5555", "•••555 or •••555 or •••555"},
		{"prefix 00", "0046702571492", "0•••492"},
		{"as dialled at home", "01701234567", "0•••567"},
		{"no such country", "+9991234567890", "+9•••890"},
		{"too long", "+155598765431234567", "+1•••567"},
		{"too short to be dialled, but meant so", "+1555123", "+1•••123"},
		{"between other scripts", "an +15559876543 – ok", "an +1•••543 – ok"},
		{"lines", "a\n+15559876543\nb", "a\n+1•••543\nb"},
		{"at the end of a sentence", "It is 1. 15559876543", "It is 1. +1•••543"},
		{"key of a receipt", "receipt:01EQBC1A3BEK731GY4YXEN0C2R:delivered to 15559876543", "receipt:01EQBC1A3BEK731GY4YXEN0C2R:delivered to +1•••543"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, sms.Mask(tt.in))
			require.Equal(t, tt.want, sms.Mask(tt.want), "masked twice is masked once")
		})
	}
}

func TestMaskLeavesAlone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"",
		"no digits",
		"550e8400-e29b-41d4-a716-446655440000", // the last group could be British
		"12345678-1234-1234-1234-123456789012-17", // a message's key
		"01EQBC1A3BEK731GY4YXEN0C2R",              // a ULID
		"01fja8b4a7bm43ygwsg9gbv067",
		"7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069",
		"8a3c/12/1234567890abcdef",
		"0x14000123456789",
		"2026-11-21T21:34:05.123456789Z",
		"2026-11-21T21:34:05.123456789+01:00",
		"2026/11/21 21:34:05",
		"2026-11-21 21:34:05.123456789 +0000 UTC m=+12.345678901",
		"20261121T213405Z",
		"1634579353",          // seconds
		"1763760845123",       // milliseconds
		"1763760845123456789", // nanoseconds
		"0.1234567890123",     // a fraction
		"168h0m0s",
		"127.0.0.1:7233",
		"[::1]:8233",
		"appointment:12345",
		"HTTP 503 after 3 tries",
		"12345", "43000", // short codes are public
		"+1•••543",
		"go1.26.8 linux/amd64",
		"00000000000000000000000000000000", // a trace id
		"6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE=",
	} {
		require.Equal(t, s, sms.Mask(s))
	}
	at := time.Date(2026, 11, 21, 21, 34, 5, 123456789, time.FixedZone("ACDT", 10*3600+1800))
	require.Equal(t, at.String(), sms.Mask(at.String()))
}

// FuzzMask puts a number into any surroundings: however it is wrapped, its
// digits must not come through.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"", "conversation:", ":", " ", "\"", "2026-11-21T", "550e8400-e29b-41d4-a716-446655440000", "1", "+", "(", "m=+1.5 ", "%2B"} {
		f.Add(s, s)
	}
	f.Add("m=", "0") // as if it were a part of a time
	f.Add("m=", ".123456789")
	digits := regexp.MustCompile(`[0-9]+`)
	f.Fuzz(func(t *testing.T, before, after string) {
		const number = sms.Number("+15559876543")
		got := sms.Mask(before + string(number) + after)
		if strings.Contains(before+after, "15559876543") {
			return
		}
		for _, run := range digits.FindAllString(got, -1) {
			require.NotContains(t, run, "15559876543", "%q", before+string(number)+after)
		}
	})
}
