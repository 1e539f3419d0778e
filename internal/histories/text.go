package histories

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/sms"
)

// blank replaces the letters and digits of a text, so that nothing can be read
// and it is still of the same length, in bytes as in segments, and in the same
// alphabet.
func blank(text string) string {
	return strings.Map(blankRune, text)
}

// blankRune finds a character that stands for all of its kind: of one alphabet,
// case and width.
func blankRune(r rune) rune {
	upper := unicode.IsUpper(r)
	switch width := utf8.RuneLen(r); {
	case '0' <= r && r <= '9':
		return '0'
	case r <= unicode.MaxASCII && !unicode.IsLetter(r):
		return r
	case width == 1:
		return either(upper, 'X', 'x')
	case width == 2 && isGSM(r):
		return either(upper, 'É', 'é')
	case isGSM(r):
		return r // the euro sign
	case width == 2:
		return either(upper, 'Ж', 'ж')
	case width == 3:
		return '字'
	default:
		return '🙂'
	}
}

func either(upper bool, a, b rune) rune {
	if upper {
		return a
	}
	return b
}

func isGSM(r rune) bool { return sms.SegmentsOf(string(r)).Encoding == sms.GSM7 }
