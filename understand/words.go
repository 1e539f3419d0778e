package understand

import (
	"strings"
	"unicode"

	"parley/sms"
)

// keywords are the words that carriers and regulators want understood. The FCC
// names stop, quit, end, revoke, opt out, cancel and unsubscribe (47 CFR
// 64.1200(a)(10)); CTIA and the aggregators add STOPALL, HELP and INFO.
var keywords = map[string]sms.Meaning{
	"stop": sms.MeansStop, "stopall": sms.MeansStop, "unsubscribe": sms.MeansStop, "cancel": sms.MeansStop, "end": sms.MeansStop,
	"quit": sms.MeansStop, "revoke": sms.MeansStop, "optout": sms.MeansStop, "opt out": sms.MeansStop, "opt-out": sms.MeansStop,
	"start": sms.MeansStart, "unstop": sms.MeansStart,
	"help": sms.MeansHelp, "info": sms.MeansHelp,
}

// consent understands a text that consists of one such word and nothing else, in
// any case, with space and punctuation around it.
func consent(text string) sms.Meaning {
	word := strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if meaning, ok := keywords[strings.ToLower(word)]; ok {
		return meaning
	}
	return sms.MeansNone
}

// IsStop reports whether a text, sent as an answer, would opt its sender out.
// No question should ask for such a word.
func IsStop(text string) bool { return consent(text) == sms.MeansStop }

// IsKeyword reports whether a text consists of a word that acts by itself,
// whatever was asked: STOP, START, HELP and their like.
func IsKeyword(text string) bool { return consent(text) != sms.MeansNone }
