// Package sms holds the nouns of text messaging: numbers, messages in and out,
// receipts and segments. It knows no carrier and no Temporal.
package sms

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Number is a phone number in E.164 form: a plus sign and seven to fifteen
// digits, such as +15559876543. The zero value is no number.
type Number string

// ErrNotANumber is what is said of all that is no number. It deliberately does not
// repeat the input, which may be somebody's number with a typing error in it.
var ErrNotANumber = errors.New("not a phone number in international form: write it like +15551234567")

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

// UnmarshalJSON reads a number by its form, so that hand-written input may say
// "+1 (201) 555-5555". An empty string stays no number.
func (n *Number) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("reading a phone number: %w", err)
	}
	if s == "" {
		*n = ""
		return nil
	}
	read, err := NumberOf(s)
	if err != nil {
		return err
	}
	*n = read
	return nil
}
