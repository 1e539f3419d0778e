package workflows

import (
	"slices"
	"strings"
	"unicode"
)

// An Intent is what a contact wants to do about an appointment.
type Intent string

// What contacts answer to "does that suit you?".
const (
	Confirm    Intent = "confirm"
	Reschedule Intent = "reschedule"
	Decline    Intent = "decline"
)

var (
	rescheduling = []string{
		"reschedul", "re schedul", "another time", "another day", "another date", "different time", "different day", "different date", "other time", "other day",
		"new time", "new date", "new appointment", "move it", "move the", "move my", "postpone", "push it", "push back", "later date", "later time", "bit later",
		"earlier time", "bit earlier", "change the", "change my", "change it", "change time", "next week", "can we do", "could we do",
	}
	// politeYes are figures of speech that hold a "no" and mean yes.
	politeYes = strings.NewReplacer("no problem", "yes", "no worries", "yes", "can't wait", "yes", "cant wait", "yes", "can t wait", "yes", "why not", "yes")
	yes       = []string{"yes", "y", "yep", "yup", "yeah", "ya", "yess", "sure", "ok", "okay", "k", "confirm", "confirmed", "confirming", "definitely", "absolutely", "👍", "✅", "si", "sí", "ja", "oui"}
	likely    = []string{"be there", "see you", "see u", "sounds good", "works", "perfect", "great", "fine", "good", "suits", "of course", "will come", "i can", "make it"}
	no        = []string{"no", "n", "nope", "nah", "not", "cannot", "cant", "can't", "wont", "won't", "unable", "decline", "sorry", "nein", "non", "👎", "dont", "don't"}
)

// UnderstandIntent reads an answer as people write it. In doubt it does not
// understand: asking again is cheaper than a wrong appointment.
func UnderstandIntent(text string) (Intent, bool) {
	words := strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(text, "’", "'")), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsPunct(r) && r != '\''
	})
	for i, w := range words {
		words[i] = strings.TrimFunc(w, func(r rune) bool { return unicode.In(r, unicode.Sk) || r == '\'' }) // skin tones
	}
	words = strings.Fields(politeYes.Replace(strings.Join(words, " ")))
	joined := strings.Join(words, " ")

	has := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	says := func(list []string) bool {
		return slices.ContainsFunc(list, func(phrase string) bool { return strings.Contains(joined, phrase) })
	}
	switch {
	case says(rescheduling) || joined == "r":
		return Reschedule, true
	case has(no) && has(yes):
		return "", false
	case has(no):
		return Decline, true
	case has(yes) || says(likely):
		return Confirm, true
	default:
		return "", false
	}
}
