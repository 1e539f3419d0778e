package sinch

import (
	"strings"

	"parley/sms"
)

// metadata is what travels with a message as its message_metadata and comes back
// in its receipts: our key, and behind it the sender when that is not the
// default one. A receipt names the contact but not which of our numbers the
// message left from, and both together tell whose conversation it is.
func metadata(key string, from, defaultSender sms.Sender) string {
	if from == "" || from == defaultSender {
		return key
	}
	return key + " " + string(from)
}

// parseMetadata is the inverse of metadata. Keys hold no spaces; sender names may.
// Another program that sends through the same app may use metadata of its own,
// JSON by custom: that is a key we shall not know, and names no sender.
func parseMetadata(s string) (key string, from sms.Sender) {
	if strings.HasPrefix(s, "{") {
		return s, ""
	}
	key, sender, _ := strings.Cut(s, " ")
	return key, sms.Sender(sender)
}
