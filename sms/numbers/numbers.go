// Package numbers knows what the phone numbers of each country look like. It is for
// the doors, where people, files and carriers hand numbers in. No workflow asks it:
// its tables change from release to release, and a history must replay as it was.
package numbers

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nyaruka/phonenumbers"

	"parley/sms"
)

// Parse understands a phone number in international form, with or without
// the plus sign and with the usual punctuation: "+1 (201) 555-5555" and
// "12015555555" are both +12015555555. The number must be possible (a known
// country code and a length that can be dialled from abroad); whether it is
// assigned to anybody is for the carrier to know. Short codes such as "43000"
// are no numbers, although a plus sign would make a short Austrian one of it.
func Parse(s string) (sms.Number, error) {
	if n, ok := parsed.Load(s); ok {
		return n.(sms.Number), nil
	}
	n, err := parse(s)
	if err == nil && len(s) < 32 {
		if parsedCount.Add(1) > mostParsed {
			parsed.Clear()
			parsedCount.Store(0)
		}
		parsed.Store(s, n)
	}
	return n, err
}

// ParseSender normalises a sender: numbers to E.164, short codes and names as
// they are.
func ParseSender(s string) sms.Sender {
	if n, err := Parse(s); err == nil {
		return sms.Sender(n)
	}
	return sms.Sender(s)
}

// parsed remembers what was read lately: the same few numbers are read with every
// callback, and the library takes longer over one than JSON over the rest.
var (
	parsed      sync.Map // string to sms.Number
	parsedCount atomic.Int64
)

const mostParsed = 10_000

func parse(s string) (sms.Number, error) {
	s = strings.TrimSpace(s)
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '+' && i == 0, strings.ContainsRune(sms.Punctuation, r):
		default:
			// Letters and other signs: "1-800-FLOWERS" and "+1555;ext=9" are no addresses for a text.
			return "", sms.ErrNotANumber
		}
	}
	if !strings.HasPrefix(s, "+") {
		s = "+" + s
	}
	n := toE164(s)
	// Each reading drops a trunk zero, as in +49 (0)30. A number that still
	// changes when it is read again has only zeros to drop.
	if n == "" || toE164(n) != n {
		return "", sms.ErrNotANumber
	}
	return sms.Number(n), nil
}

// toE164 returns the empty string for what is not a possible number.
func toE164(s string) string {
	number, err := phonenumbers.Parse(s, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(number) != phonenumbers.IS_POSSIBLE {
		return ""
	}
	e164 := phonenumbers.Format(number, phonenumbers.E164)
	if digits := len(e164) - len("+"); digits < sms.FewestDigits || digits > sms.MostDigits {
		return ""
	}
	return e164
}
