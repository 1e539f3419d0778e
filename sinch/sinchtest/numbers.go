package sinchtest

import (
	"regexp"
	"strings"

	"parley/sms"
	"parley/sms/numbers"
)

// bare leaves out the plus sign, as SMS callbacks do.
func bare[T ~string](number T) string { return strings.TrimPrefix(string(number), "+") }

// sender is one of our numbers, or names, as Sinch writes it.
func (r Readings) sender(sender sms.Sender) string {
	if r.Plus {
		return string(sender)
	}
	return bare(sender)
}

// number is the number of a phone as Sinch writes it.
func (r Readings) number(number sms.Number) string {
	if r.OtherForms {
		number = otherForm(number)
	}
	return r.sender(sms.Sender(number))
}

func (r Readings) identity(number sms.Number) channelIdentity {
	return channelIdentity{Channel: "SMS", Identity: r.number(number)}
}

// finds reports whether a filter by channel identity finds a phone.
func (r Readings) finds(number sms.Number, asked string) bool {
	stored := number
	if r.OtherForms {
		stored = otherForm(number)
	}
	if r.ExactIdentities {
		return asked == bare(stored)
	}
	parsed, err := numbers.Parse(asked)
	return err == nil && parsed == number || bare(asked) == bare(stored)
}

// reached is the phone that an identity leads to by the other form of its number.
// The caller holds the lock.
func (s *Server) reached(identity string) (phone sms.Number, ok bool) {
	written := sms.Number("+" + bare(identity))
	other := otherForm(written)
	return other, s.Readings().OtherForms && s.phones[written] == nil && s.phones[other] != nil
}

// forms are the two ways to write a number of some countries.
var forms = []struct {
	short, long     *regexp.Regexp
	toShort, toLong string
}{
	{regexp.MustCompile(`^\+52(\d{10})$`), regexp.MustCompile(`^\+521(\d{10})$`), "+52$1", "+521$1"},                   // Mexico
	{regexp.MustCompile(`^\+54(\d{10})$`), regexp.MustCompile(`^\+549(\d{10})$`), "+54$1", "+549$1"},                   // Argentina
	{regexp.MustCompile(`^\+55(\d{2})(\d{8})$`), regexp.MustCompile(`^\+55(\d{2})9(\d{8})$`), "+55$1$2", "+55${1}9$2"}, // Brazil, where only mobile phones get texts
}

// otherForm is the other way to write a number, or the number itself if it has
// no other.
func otherForm(number sms.Number) sms.Number {
	written := string(number)
	for _, form := range forms {
		switch {
		case form.short.MatchString(written):
			return sms.Number(form.short.ReplaceAllString(written, form.toLong))
		case form.long.MatchString(written):
			return sms.Number(form.long.ReplaceAllString(written, form.toShort))
		}
	}
	return number
}
