package sms_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestSegmentsOf(t *testing.T) {
	t.Parallel()
	gsm := func(count, units, left int) sms.Segments {
		return sms.Segments{Encoding: sms.GSM7, Count: count, Units: units, Left: left}
	}
	ucs := func(count, units, left int) sms.Segments {
		return sms.Segments{Encoding: sms.UCS2, Count: count, Units: units, Left: left}
	}
	tests := []struct {
		name, text string
		want       sms.Segments
	}{
		{"empty", "", gsm(0, 0, 160)},
		{"one letter", "a", gsm(1, 1, 159)},
		{"fills one", strings.Repeat("a", 160), gsm(1, 160, 0)},
		{"one too many", strings.Repeat("a", 161), gsm(2, 161, 145)},
		{"fills two", strings.Repeat("a", 306), gsm(2, 306, 0)},
		{"needs three", strings.Repeat("a", 307), gsm(3, 307, 152)},
		{"ten segments", strings.Repeat("a", 1530), gsm(10, 1530, 0)},
		{"fills one with escapes", strings.Repeat("€", 80), gsm(1, 160, 0)},
		{"escapes in two", strings.Repeat("€", 81), gsm(2, 162, 143)},
		{"an escape is not split", strings.Repeat("a", 152) + "€" + strings.Repeat("b", 10), gsm(2, 164, 141)},
		{"escapes waste a septet in each segment", strings.Repeat("€", 153), gsm(3, 306, 151)},
		{"every escape", "\f^{}\\[~]|€", gsm(1, 20, 140)},
		{"German and Swedish", "Grüße, vi ses på fredag!", gsm(1, 24, 136)},
		{"line breaks and Greek", "ΔΦΓΛΩΠΨΣΘΞ\r\n", gsm(1, 12, 148)},
		{"ç is not Ç", "ç", ucs(1, 1, 69)},
		{"a back quote", "`", ucs(1, 1, 69)},
		{"an emoji", "Hello 👋", ucs(1, 8, 62)},
		{"fills one of UCS-2", strings.Repeat("ł", 70), ucs(1, 70, 0)},
		{"two of UCS-2", strings.Repeat("ł", 71), ucs(2, 71, 63)},
		{"fills one with emoji", strings.Repeat("👋", 35), ucs(1, 70, 0)},
		{"an emoji is not split", strings.Repeat("ł", 66) + "👋" + strings.Repeat("ł", 10), ucs(2, 78, 55)},
		{"emoji waste a unit in each segment", strings.Repeat("👋", 67), ucs(3, 134, 65)},
		{"escapes count one in UCS-2", "ł€", ucs(1, 2, 68)},
		{"broken UTF-8", "a\xff", ucs(1, 2, 68)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, sms.SegmentsOf(tt.text))
		})
	}
}
