package histories

import (
	"fmt"
	"regexp"
	"strings"

	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

// ids gives each id, and each number, another one, the same each time.
type ids struct {
	made    map[string]string
	numbers map[sms.Number]string
	seen    map[string]bool // their digits, as they were
}

func newIDs() *ids {
	return &ids{made: map[string]string{}, numbers: map[sms.Number]string{}, seen: map[string]bool{}}
}

const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

var (
	// ofRun are ids that are made of a run's, and of counters: a message, something parked.
	ofRun = regexp.MustCompile(`^` + uuid + `([-./]p?[0-9]{1,4}){0,3}$`)
	// ofText are ids of a script's question or text: a run's, a counter, a hash of the words.
	ofText = regexp.MustCompile(`^(` + uuid + `/[0-9]{1,6}/)([0-9a-f]{8})$`)
	// counted are ids that the SDK makes by counting.
	counted = regexp.MustCompile(`^[0-9]{1,6}$`)
	// hashed is a contact in a conversation's id who is not named.
	hashed = regexp.MustCompile(`^[0-9A-Za-z_-]{16,100}$`)
	digit  = regexp.MustCompile(`[0-9]`)
	letter = regexp.MustCompile(`[A-Za-z]`)
)

// prefixes are those of the protocol. What follows is an id of its own.
var prefixes = []string{
	"in:", "receipt:", "send:", "retry:", "skip:", "optout:", "text:", "ask:", "say:", "withdraw:", "watch:", "answer/",
}

// isID reports whether s has the shape of an id, wherever it stands.
func (d *ids) isID(s string) bool {
	return ofRun.MatchString(s) || ofText.MatchString(s) || strings.HasPrefix(s, wire.ID("", "")) && !strings.ContainsAny(s, " \t\n")
}

// id keeps of an id what the protocol is about, and replaces the rest.
func (d *ids) id(s string) string {
	switch {
	case s == "" || s == wire.EventSignal || s == wire.SendUpdate || counted.MatchString(s) || ofRun.MatchString(s):
		return s
	case ofText.MatchString(s):
		parts := ofText.FindStringSubmatch(s)
		return parts[1] + d.other(parts[2], "%08x")
	}
	if rest, ok := strings.CutPrefix(s, wire.ID("", "")); ok {
		contact, sender, over := strings.Cut(rest, ":")
		if over {
			sender = ":" + d.id(sender)
		}
		return wire.ID("", "") + d.contact(contact) + sender
	}
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(s, prefix)
		if !ok {
			continue
		}
		return prefix + d.id(rest)
	}
	if id, ok := strings.CutSuffix(s, "/request"); ok { // of an update
		return d.id(id) + "/request"
	}
	if n, ok := d.number(s); ok {
		return n
	}
	return d.other(s, "id-%d")
}

func (d *ids) contact(s string) string {
	if n, ok := d.number(s); ok {
		return n
	}
	if hashed.MatchString(s) && digit.MatchString(s) && letter.MatchString(s) {
		return s
	}
	return d.id(s)
}

// other counts, so that nothing of the id is left to guess by. It is as long as
// the id: bounds must hold as they did.
func (d *ids) other(s, format string) string {
	made, ok := d.made[s]
	if !ok {
		made = fmt.Sprintf(format, len(d.made)+1)
		made += strings.Repeat("x", max(0, len(s)-len(made)))
		d.made[s] = made
	}
	return made
}

// number gives a phone number another one, that nobody has.
func (d *ids) number(s string) (string, bool) {
	n, err := numbers.Parse(s)
	if err != nil {
		n, err = sms.NumberOf(s) // as the workflow took it, whose input did not come through a door of ours
	}
	if err != nil {
		return "", false
	}
	made, ok := d.numbers[n]
	if !ok {
		made = fmt.Sprintf("+1555%07d", (100_000+len(d.numbers))%10_000_000)
		d.numbers[n] = made
	}
	d.seen[string(n[1:])] = true
	return made, true
}
