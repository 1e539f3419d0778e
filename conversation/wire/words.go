package wire

import (
	"strings"
	"unicode"
)

// A Word is what a text means for consent.
type Word int

// The meanings; most texts have none.
const (
	wordNone Word = iota
	WordStop
	WordStart
	WordHelp
)

// keywords are the words that carriers and regulators want understood. The FCC
// names stop, quit, end, revoke, opt out, cancel and unsubscribe (47 CFR
// 64.1200(a)(10)); CTIA and the aggregators add STOPALL, HELP and INFO.
var keywords = map[string]Word{
	"stop": WordStop, "stopall": WordStop, "unsubscribe": WordStop, "cancel": WordStop, "end": WordStop,
	"quit": WordStop, "revoke": WordStop, "optout": WordStop, "opt out": WordStop, "opt-out": WordStop,
	"start": WordStart, "unstop": WordStart,
	"help": WordHelp, "info": WordHelp,
}

// Keyword understands a text that consists of one such word and nothing else,
// in any case, with space and punctuation around it.
func Keyword(text string) Word {
	return keywords[strings.ToLower(strings.TrimFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))]
}

// IsStop reports whether a text, sent as an answer, would opt its sender out.
// No question should ask for such a word.
func IsStop(text string) bool { return Keyword(text) == WordStop }

// IsKeyword reports whether a text consists of a word that acts by itself,
// whatever was asked: STOP, START, HELP and their like.
func IsKeyword(text string) bool { return Keyword(text) != wordNone }
