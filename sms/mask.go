package sms

import (
	"regexp"
	"strings"
)

// Mask replaces every phone number in a text by its masked form, as in
// "conversation:+1•••543". It knows numbers in international form, with or
// without the plus sign and the usual punctuation, and as they stand in a URL.
// When in doubt it masks: a log that hides an order number is a nuisance, one
// that shows a contact is a leak. UUIDs, ULIDs, hashes, times and decimals stay
// as they are.
func Mask(text string) string {
	if !maybe.MatchString(text) {
		return text
	}
	var b strings.Builder
	done := 0 // of text
	for {
		at := candidate.FindStringSubmatchIndex(text[done:])
		if at == nil {
			b.WriteString(text[done:])
			return b.String()
		}
		start, end := done+at[0], done+at[1]
		found := text[start:end]
		b.WriteString(text[done:start])
		switch {
		case at[2*groupPlus] >= 0:
			masked, used := maskPlus(found, at[2*groupDigits]-at[0])
			b.WriteString(masked)
			end = start + used
		case at[2*groupNational] >= 0:
			b.WriteString("•••" + found[len(found)-3:])
		case at[2*groupWord] >= 0 && !endsInDecimalPoint(text[:start]):
			b.WriteString(maskWord(found))
		default:
			b.WriteString(found)
		}
		done = end
	}
}

// maybe is the quick way out: most texts hold too few digits in a row.
var maybe = regexp.MustCompile(`[0-9](?:[ ()./\-\x{a0}]{0,3}[0-9]){6}`)

// candidate finds what may be a number, and what must not be taken for one. Of
// alternatives that begin at the same place the first wins; a word of letters and
// digits is consumed whole, so that the digits in a hash are never seen alone.
var candidate = regexp.MustCompile(`(?i)` +
	`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}` + // a UUID
	`|\bm=[+-][0-9]{1,9}\.[0-9]{9}\b` + // the monotonic part of a time, as Go writes it
	`|(?P<plus>(?:\+|%2b|\\u002b)(?:[ (\x{a0}]|%20){0,3}(?P<digits>[0-9](?:[ ()./\-\x{a0}]{0,3}[0-9]){6,}))` +
	`|(?P<national>(?:1[ .\-])?(?:\([2-9][0-9]{2}\)[ .\-]?|[2-9][0-9]{2}[.\-])[2-9][0-9]{2}[ .\-][0-9]{4}\b)` +
	`|(?P<word>[\pL0-9]+)`)

var (
	groupPlus     = candidate.SubexpIndex("plus")
	groupDigits   = candidate.SubexpIndex("digits")
	groupNational = candidate.SubexpIndex("national")
	groupWord     = candidate.SubexpIndex("word")
)

// maskPlus masks a number that begins with a plus sign in some spelling, and
// tells how much of the text it took: separators may have drawn in digits that
// follow the number, as in "+15559876543 2 tries". Where the length of a number that
// is written in groups is not known, such digits are masked with it.
func maskPlus(found string, digits int) (masked string, used int) {
	number := found[digits:]
	longest := 0
	for end := 1; end <= len(number); end++ {
		if end < len(number) && isDigit(number[end]) || !isDigit(number[end-1]) {
			continue // only where a group of digits ends
		}
		if !dialled(digitsOf(number[:end])) {
			continue
		}
		longest = end
		if onlyDigits(number[:end]) {
			break // written in one piece: what follows is something else
		}
	}
	if longest == 0 {
		longest = len(number) // none that can be dialled, but somebody may have meant one
	}
	return Number("+" + digitsOf(number[:longest])).Masked(), digits + longest
}

// dialled reports whether these can be the digits of a number with its country code
// in front. Those of 1 and 7 have eleven, which is all of the world's numbering that
// is used here: it tells the time since 1970, and a count behind a number, from one.
func dialled(digits string) bool {
	switch digits[0] {
	case '0':
		return false
	case '1', '7':
		return len(digits) == 11
	}
	return FewestDigits <= len(digits) && len(digits) <= MostDigits
}

// maskWord masks a word of nothing but digits if it can be a number: with a
// country code in front, with the international prefix 00, or as dialled at
// home with a 0. Seconds and milliseconds since 1970 cannot until 2033, nor can what
// is longer or shorter than numbers are.
func maskWord(word string) string {
	if len(word) < 9 || len(word) > 15 || !onlyDigits(word) {
		return word
	}
	switch {
	case dialled(word):
		return Number("+" + word).Masked()
	case word[0] == '0':
		return "0•••" + word[len(word)-3:]
	}
	return word
}

// endsInDecimalPoint tells the fraction of 0.123456789 from the end of a sentence.
func endsInDecimalPoint(text string) bool {
	return len(text) > 1 && text[len(text)-1] == '.' && isDigit(text[len(text)-2])
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func onlyDigits(s string) bool { return len(digitsOf(s)) == len(s) }

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
