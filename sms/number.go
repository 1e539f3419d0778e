// Package sms holds the nouns of text messaging: numbers, messages in and out,
// receipts and segments. It knows no carrier and no Temporal.
package sms

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nyaruka/phonenumbers"
)

// A Number is a phone number in E.164 form: a plus sign and up to fifteen
// digits, such as +15559876543. The zero value is no number.
type Number string

// ErrNotANumber is returned by ParseNumber. It deliberately does not repeat the
// input, which may be somebody's number with a typing error in it.
var ErrNotANumber = errors.New("not a phone number in international form: write it like +15551234567")

// ParseNumber understands a phone number in international form, with or without
// the plus sign and with the usual punctuation: "+1 (201) 555-5555" and
// "12015555555" are both +12015555555. The number must be possible (a known
// country code and a length that can be dialled from abroad); whether it is
// assigned to anybody is for the carrier to know. Short codes such as "43000"
// are no numbers, although a plus sign would make a short Austrian one of it.
func ParseNumber(s string) (Number, error) {
	if n, ok := parsed.Load(s); ok {
		return n.(Number), nil
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

// parsed remembers what was read lately: the same few numbers are read in every
// event, and the library takes longer over one than JSON over the rest.
var (
	parsed      sync.Map // string to Number
	parsedCount atomic.Int64
)

const mostParsed = 10_000

func parse(s string) (Number, error) {
	s = strings.TrimSpace(s)
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '+' && i == 0, strings.ContainsRune(Punctuation, r):
		default:
			// Letters and other signs: "1-800-FLOWERS" and "+1555;ext=9" are no addresses for a text.
			return "", ErrNotANumber
		}
	}
	if !strings.HasPrefix(s, "+") {
		s = "+" + s
	}
	n := toE164(s)
	// Each reading drops a trunk zero, as in +49 (0)30. A number that still
	// changes when it is read again has only zeros to drop.
	if n == "" || toE164(n) != n {
		return "", ErrNotANumber
	}
	return Number(n), nil
}

// toE164 returns the empty string for what is not a possible number.
func toE164(s string) string {
	number, err := phonenumbers.Parse(s, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(number) != phonenumbers.IS_POSSIBLE {
		return ""
	}
	e164 := phonenumbers.Format(number, phonenumbers.E164)
	if digits := len(e164) - len("+"); digits < FewestDigits || digits > MostDigits {
		return ""
	}
	return e164
}

// NumberOf understands a phone number by its form alone: a plus sign and digits,
// with the usual punctuation, as in "+1 (201) 555-5555". Workflows read numbers so,
// since a form never changes. What a country's numbers look like is for package
// numbers to know, and is asked where a number enters.
func NumberOf(s string) (Number, error) {
	digits, international := strings.CutPrefix(strings.TrimSpace(s), "+")
	if !international {
		return "", ErrNotANumber
	}
	var b strings.Builder
	b.WriteByte('+')
	for _, r := range digits {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(Punctuation, r):
		default:
			return "", ErrNotANumber
		}
	}
	n := Number(b.String())
	if count := len(n) - len("+"); count < FewestDigits || count > MostDigits || n[1] == '0' {
		return "", ErrNotANumber
	}
	return n, nil
}

// Punctuation is what people write between the digits of a number: spaces, also
// those that do not break, brackets, dashes, dots and slashes.
const Punctuation = " ()-./\u00a0"

// How long a number is, country code included. E.164 sets the upper bound; the
// shortest subscribers' numbers, on small islands, have seven digits, and what
// is shorter is a short code.
const (
	FewestDigits = 7
	MostDigits   = 15
)

// Masked is the number for logs and summaries: enough to tell two numbers
// apart, too little to call anybody. +15559876543 is "+1•••543".
func (n Number) Masked() string {
	if len(n) < 8 {
		return "•••"
	}
	return string(n[:2]) + "•••" + string(n[len(n)-3:])
}

// UnmarshalJSON normalises, so that hand-written input may say "+1 (201) 555-5555".
// An empty string stays no number.
func (n *Number) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("reading a phone number: %w", err)
	}
	if s == "" {
		*n = ""
		return nil
	}
	parsed, err := ParseNumber(s)
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}
