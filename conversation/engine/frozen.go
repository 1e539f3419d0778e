package engine

import (
	"cmp"
	"strings"
	"unicode"

	"parley/sms"
)

// meaning is what a text means for consent: what its verdict says, if there is one
// and this build knows its word. Else the frozen words decide: a STOP acts although
// whoever brought it could not classify it, or is newer than this worker.
func meaning(in sms.Inbound) sms.Meaning {
	if in.Verdict != nil {
		switch said := in.Verdict.Consent; said {
		case sms.MeansNone, sms.MeansStop, sms.MeansStart, sms.MeansHelp:
			return said
		default: // a newer build's; there is no rule for a doubt yet
		}
	}
	word := strings.TrimFunc(in.Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return cmp.Or(frozen[strings.ToLower(word)], sms.MeansNone)
}

// frozen is never changed, by no word: running histories hold texts without a
// verdict, and would not replay. New words belong into package understand.
var frozen = map[string]sms.Meaning{
	"stop": sms.MeansStop, "stopall": sms.MeansStop, "unsubscribe": sms.MeansStop, "cancel": sms.MeansStop, "end": sms.MeansStop,
	"quit": sms.MeansStop, "revoke": sms.MeansStop, "optout": sms.MeansStop, "opt out": sms.MeansStop, "opt-out": sms.MeansStop,
	"start": sms.MeansStart, "unstop": sms.MeansStart,
	"help": sms.MeansHelp, "info": sms.MeansHelp,
}
