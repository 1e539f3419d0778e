package livecheck

import (
	"strings"

	"parley/sms"
)

// otherForm is the other way to write a mobile number of Mexico, Argentina or
// Brazil: with or without the digit that calls from abroad to mobile phones have,
// or had. It is empty for all other numbers. Both are without the plus sign.
func otherForm(digits string) string {
	mexico, inMexico := strings.CutPrefix(digits, "52")
	argentina, inArgentina := strings.CutPrefix(digits, "54")
	brazil, inBrazil := strings.CutPrefix(digits, "55")
	switch {
	case inMexico && len(mexico) == 10:
		return "521" + mexico
	case inMexico && len(mexico) == 11 && mexico[0] == '1':
		return "52" + mexico[1:]
	case inArgentina && len(argentina) == 10:
		return "549" + argentina
	case inArgentina && len(argentina) == 11 && argentina[0] == '9':
		return "54" + argentina[1:]
	case inBrazil && len(brazil) == 10:
		return "55" + brazil[:2] + "9" + brazil[2:]
	case inBrazil && len(brazil) == 11 && brazil[2] == '9':
		return "55" + brazil[:2] + brazil[3:]
	}
	return ""
}

func digits[T ~string](number T) string { return strings.TrimPrefix(string(number), "+") }

// isPhone reports whether an identity is the phone's number in any form.
func isPhone(identity string, phone sms.Number) bool {
	written := digits(identity)
	return written == digits(phone) || written != "" && written == otherForm(digits(phone))
}
