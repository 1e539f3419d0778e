package conversation

import (
	"strings"
	"unicode"
)

type word int

const (
	wordNone word = iota
	wordStop
	wordStart
	wordHelp
)

// keywords are the words that carriers and regulators want understood. The FCC
// names stop, quit, end, revoke, opt out, cancel and unsubscribe (47 CFR
// 64.1200(a)(10)); CTIA and the aggregators add STOPALL, HELP and INFO.
var keywords = map[string]word{
	"stop": wordStop, "stopall": wordStop, "unsubscribe": wordStop, "cancel": wordStop, "end": wordStop,
	"quit": wordStop, "revoke": wordStop, "optout": wordStop, "opt out": wordStop, "opt-out": wordStop,
	"start": wordStart, "unstop": wordStart,
	"help": wordHelp, "info": wordHelp,
}

// keyword understands a text that consists of one such word and nothing else,
// in any case, with space and punctuation around it.
func keyword(text string) word {
	return keywords[strings.ToLower(strings.TrimFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))]
}

// IsStop reports whether a text, sent as an answer, would opt its sender out.
// No question should ask for such a word.
func IsStop(text string) bool { return keyword(text) == wordStop }

// IsKeyword reports whether a text consists of a word that acts by itself,
// whatever was asked: STOP, START, HELP and their like.
func IsKeyword(text string) bool { return keyword(text) != wordNone }
