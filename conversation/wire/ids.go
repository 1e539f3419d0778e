package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"parley/sms"
)

// Names that the outside world may rely on: the Temporal CLI, other programs,
// scripts in other languages.
const (
	WorkflowType = "Conversation" // type of the workflow that talks to one number
	EventSignal  = "event"        // the one signal that carries every asynchronous input
	SendUpdate   = "send"         // the update that puts a message in the outbound queue
	StateQuery   = "conversation" // the query that returns the whole State

	idPrefix     = "conversation:"
	AnswerSignal = "answer/" // and the ask's id
)

// Ids are no longer than that, in bytes.
const (
	MaxIDBytes      = 200
	MaxEventIDBytes = 500 // of an envelope
)

// IDs makes the workflow ids of conversations. Those of the zero IDs hold phone
// numbers. A workflow id is never encrypted, so with a key there stands an
// HMAC-SHA256 in place of each number, from which nobody learns it who lacks the
// key.
type IDs struct{ key string }

// KeyedIDs are those that hold no number. The key has to be secret, random, and
// the same wherever conversations of a namespace are reached.
func KeyedIDs(key []byte) IDs { return IDs{string(key)} }

// Keyed reports whether ids hold no numbers.
func (i IDs) Keyed() bool { return i.key != "" }

// Of is the workflow id of the conversation with a contact over one of our
// senders. It is the only place where such an id is made.
func (i IDs) Of(contact sms.Number, sender sms.Sender) string {
	id := idPrefix + i.Hide("contact", string(contact))
	if sender != "" {
		id += ":" + i.Hide("sender", string(sender))
	}
	return id
}

// ID is the workflow id where no key is set.
func ID(contact sms.Number, sender sms.Sender) string { return IDs{}.Of(contact, sender) }

// ParseID takes an id that holds numbers apart. From one that holds none they
// cannot be told: they are in the conversation's memo, see WhoMemo.
func ParseID(id string) (sms.Number, sms.Sender, error) {
	rest, ok := strings.CutPrefix(id, idPrefix)
	if !ok {
		return "", "", errors.New("not a conversation's workflow id")
	}
	number, sender, _ := strings.Cut(rest, ":")
	if !strings.HasPrefix(number, "+") {
		return "", "", errors.New("a workflow id that holds no number")
	}
	contact, err := sms.NumberOf(number)
	return contact, sms.Sender(sender), err
}

// IsID reports whether a workflow id is a conversation's.
func IsID(id string) bool { return strings.HasPrefix(id, idPrefix) }

// Tag tells one contact from another in a log. With a key it is the same as in
// the workflow id.
func (i IDs) Tag(contact sms.Number) string {
	if !i.Keyed() {
		return contact.Masked()
	}
	return i.Hide("contact", string(contact))
}

// Key is a caller's idempotency key as Temporal gets to see it. With a key of ours
// it is hidden too: it may well be made of a number or a name.
func (i IDs) Key(idempotencyKey string) string { return i.Hide("key", idempotencyKey) }

// AskID hides what a script's id of a message ends in: a hash of number and words,
// short, but the words are often known and numbers are few. The id becomes the
// name of a signal, which is never encrypted.
func (i IDs) AskID(id string) string {
	at := strings.LastIndexByte(id, '/')
	if !i.Keyed() || at < 0 {
		return id
	}
	return id[:at+1] + i.Hide("ask", id)[:13]
}

// Fingerprint tells one key from another, and nothing more.
func (i IDs) Fingerprint() string {
	if !i.Keyed() {
		return "none"
	}
	return i.Hide("fingerprint", "")
}

// Hide keeps words that stand for different things apart.
func (i IDs) Hide(what, word string) string {
	if !i.Keyed() {
		return word
	}
	mac := hmac.New(sha256.New, []byte(i.key))
	mac.Write([]byte(what + "\x00" + word))
	return lower.EncodeToString(mac.Sum(nil)[:16])
}

// lower writes 128 bits as 26 letters and digits, none of which a phone number
// could be made of by mistake.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
