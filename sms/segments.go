package sms

import (
	"strings"
	"unicode/utf16"
)

// An Encoding is how a text travels. One character outside GSM-7 makes the
// whole text travel as UCS-2, at less than half the length.
type Encoding string

// The two encodings of text messages.
const (
	GSM7 Encoding = "GSM-7" // counted in septets: 160 in one segment, 153 in each of several
	UCS2 Encoding = "UCS-2" // counted in UTF-16 units: 70 in one segment, 67 in each of several
)

// Segments says what a text costs: each segment is billed as a message.
type Segments struct {
	Encoding Encoding `json:"encoding"`
	Count    int      `json:"count"` // 0 for the empty text
	Units    int      `json:"units"` // septets or UTF-16 units that the text itself needs
	Left     int      `json:"left"`  // units left in the last segment; in several, a character of two units may need more
}

// SegmentsOf tells how a text splits. A character that needs two units (an
// escaped GSM-7 character such as €, or an emoji in UCS-2) is never split over
// two segments; the unit that stays empty before it counts as used up.
func SegmentsOf(text string) Segments {
	encoding, single, each := GSM7, 160, 153
	for _, r := range text {
		if septets(r) == 0 {
			encoding, single, each = UCS2, 70, 67
			break
		}
	}

	s := Segments{Encoding: encoding, Count: 1}
	inLast := 0 // units in the last segment, if there is more than one
	for _, r := range text {
		n := units(encoding, r)
		s.Units += n
		if inLast += n; inLast > each {
			s.Count++
			inLast = n
		}
	}
	if s.Units > single {
		s.Left = each - inLast
		return s
	}
	s.Count, s.Left = 1, single-s.Units
	if text == "" {
		s.Count = 0
	}
	return s
}

func units(e Encoding, r rune) int {
	if e == GSM7 {
		return septets(r)
	}
	return max(1, utf16.RuneLen(r)) // a broken character travels as U+FFFD
}

// The GSM-7 alphabet (3GPP TS 23.038): one septet each, and those that are
// reached through an escape and so take two.
const (
	gsmDefault = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ" +
		" !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmEscaped = "\f^{}\\[~]|€"
)

// septets is how many septets a character takes in GSM-7; 0: it has none.
func septets(r rune) int {
	switch {
	case strings.ContainsRune(gsmDefault, r):
		return 1
	case strings.ContainsRune(gsmEscaped, r):
		return 2
	}
	return 0
}
