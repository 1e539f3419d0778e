package sms

// A Verdict is what a text from a contact means, as far as a conversation has to
// know. Whoever brings the text decides it, and it travels in the event: the
// workflow obeys and reads no words. So what decides may change any day, and no
// history that was recorded before replays otherwise.
type Verdict struct {
	Consent Meaning  `json:"consent"` // MeansNone for most texts
	Kind    TextKind `json:"kind"`
	Version int      `json:"version"` // of the rules that decided
}

// A Meaning is what a text means for consent.
type Meaning string

// What a text can mean for consent. Who meets another word leaves the verdict
// aside: it is of a newer build.
const (
	MeansNone  Meaning = "none"
	MeansStop  Meaning = "stop"
	MeansStart Meaning = "start"
	MeansHelp  Meaning = "help"
	MeansDoubt Meaning = "doubt" // it may be a wish to get no more texts; a person has to read it
)

// A TextKind says who, or what, speaks in a text.
type TextKind string

// The kinds of a text.
const (
	TextWords    TextKind = "words"    // the contact's own
	TextReaction TextKind = "reaction" // a phone's rendering of a thumb, or a heart, on a message of ours
	TextMachine  TextKind = "machine"  // a reply that nobody typed: driving, out of office
	TextMedia    TextKind = "media"    // no words at all
)
