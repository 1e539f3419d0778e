package sinch

import (
	"strings"

	"parley/sms"
)

// mark stands in the metadata of a message that was sent with a reference. The
// reference itself travels as correlation_id, which Sinch does not keep
// everywhere; the mark comes back with every receipt.
const mark = "#"

// metadata is what travels with a message as its message_metadata and comes back
// in its receipts: our key, the mark if there is a reference, and the sender when
// that is not the default one, with spaces between. A receipt names the contact
// but not which of our numbers the message left from, and both together tell
// whose conversation it is.
func metadata(out sms.Outbound, defaultSender sms.Sender) string {
	s := out.Key
	if out.Reference != "" {
		s += " " + mark
	}
	if out.From != "" && out.From != defaultSender {
		s += " " + string(out.From)
	}
	return s
}

// parseMetadata is the inverse of metadata, and tells whether the message is
// marked. Keys hold no spaces; sender names may. Another program that sends
// through the same app may use metadata of its own, JSON by custom: that is a
// key we do not know, and names no sender.
func parseMetadata(s string) (key string, from sms.Sender, marked bool) {
	if strings.HasPrefix(s, "{") {
		return s, "", false
	}
	key, rest, _ := strings.Cut(s, " ")
	if first, sender, _ := strings.Cut(rest, " "); first == mark {
		return key, sms.Sender(sender), true
	}
	return key, sms.Sender(rest), false
}
