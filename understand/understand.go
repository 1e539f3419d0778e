// Package understand decides what texts mean, in microseconds and without looking
// anything up. It is asked where a text comes in, never in a workflow: its rules
// may change any day, and a history that was recorded before must not notice.
package understand

import "parley/sms"

// Version numbers the rules. A change of them, by as little as a word, makes it
// higher, so that an event says which rules decided.
const Version = 1

// Classify decides what a contact's message means. What is no text, such as a
// picture, means nothing for consent, whatever words were made of it.
func Classify(text string, isText bool) sms.Verdict {
	if !isText {
		return sms.Verdict{Consent: sms.MeansNone, Kind: sms.TextMedia, Version: Version}
	}
	return sms.Verdict{Consent: consent(text), Kind: sms.TextWords, Version: Version}
}
