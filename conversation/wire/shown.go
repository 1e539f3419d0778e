package wire

import (
	"regexp"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"parley/sms"
)

// Shown is what the search attributes say already: they are written only when
// that changes, since each time is an event and an action.
type Shown struct {
	State     string   `json:"state,omitempty"`
	Attention string   `json:"attention,omitempty"`
	Scripts   []string `json:"scripts,omitempty"`
	Parked    []string `json:"parked,omitempty"` // ids
}

// The search attributes that lists of conversations can be filtered by. They
// are optional: without them conversations work and are harder to find.
var (
	StateAttribute     = temporal.NewSearchAttributeKeyKeyword("ParleyState")
	AttentionAttribute = temporal.NewSearchAttributeKeyBool("ParleyNeedsAttention")
	ScriptAttribute    = temporal.NewSearchAttributeKeyKeywordList("ParleyScript")
)

// AttentionMemo is the memo that holds an Attention: why and since when.
const AttentionMemo = "ParleyAttention"

// ParkedMemo is the memo that holds what is parked, so that a list of
// conversations tells it without asking each.
const ParkedMemo = "ParleyParked"

// ParkedMark is one entry of that memo.
type ParkedMark struct {
	ID     string    `json:"id"`
	Code   ParkCode  `json:"code"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Markdown escapes what would be structure in the UI's details.
var Markdown = strings.NewReplacer("*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "<", "&lt;", "|", `\|`, "\n", " ⏎ ")

var digits = regexp.MustCompile(`\d{4,}`)

// Mask hides codes, too, besides phone numbers: a bank's, a parcel's. Who may look at
// a workflow in the UI need not have them.
func Mask(text string) string {
	text = sms.Mask(text)
	if !longRun(text) {
		return text
	}
	return digits.ReplaceAllStringFunc(text, func(d string) string { return "•••" + d[len(d)-2:] })
}

// TimeLayout is how a time is shown.
const TimeLayout = "2 Jan 15:04:05 MST"

// WhoMemo is the memo that says whom a conversation is with, where its workflow id
// does not. It is a Start.
const WhoMemo = "who"

// The values of ParleyState.
const (
	StateOpen     = "open"     // texts go to the responder
	StateAsking   = "asking"   // a script has a question, or the floor
	StateOptedOut = "optedout" // nothing may be sent
)

// longRun is the quick way out: most texts hold no four digits in a row.
func longRun(text string) bool {
	run := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			run = 0
		} else if run++; run == 4 {
			return true
		}
	}
	return false
}
