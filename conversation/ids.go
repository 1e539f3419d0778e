package conversation

import (
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
	answerSignal = "answer/" // and the ask's id
)

// ID is the workflow id of the conversation with a contact over one of our
// senders. It is the only place where such an id is made.
func ID(contact sms.Number, sender sms.Sender) string {
	id := idPrefix + string(contact)
	if sender != "" {
		id += ":" + string(sender)
	}
	return id
}

// ParseID takes an id made by ID apart.
func ParseID(id string) (sms.Number, sms.Sender, error) {
	rest, ok := strings.CutPrefix(id, idPrefix)
	if !ok {
		return "", "", errors.New("not a conversation's workflow id")
	}
	number, sender, _ := strings.Cut(rest, ":")
	contact, err := sms.ParseNumber(number)
	return contact, sms.Sender(sender), err
}
