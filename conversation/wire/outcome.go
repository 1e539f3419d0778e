package wire

import (
	"cmp"
	"slices"
	"time"
)

// An EndKind is a way in which a question can end.
type EndKind string

// The endings, in the signals that answer.
const (
	EndAnswered      EndKind = "answered"
	EndNoReply       EndKind = "no reply"
	EndUndeliverable EndKind = "undeliverable"
	EndOptedOut      EndKind = "opted out"
	EndWithdrawn     EndKind = "withdrawn"
	EndTooLate       EndKind = "too late"
	EndTakenOver     EndKind = "taken over" // a person took the floor while the script thought
	EndReported      EndKind = "reported"   // no ending of a question: what became of a say
)

// EndKinds are all of them, in the order in which they came to be: a script says of
// how many it knows. A new one is added at the end.
func EndKinds() []EndKind {
	return []EndKind{EndAnswered, EndNoReply, EndUndeliverable, EndOptedOut, EndWithdrawn, EndTooLate, EndTakenOver, EndReported}
}

// firstEndings are those of the first release, which each script knows.
const firstEndings = 8

// For is an outcome as a script hears it that knows so many kinds. A newer ending is
// undeliverable to it, for its reason or its word.
func (o Outcome) For(knows int) Outcome {
	if i := slices.Index(EndKinds(), o.Kind); i < 0 || i >= max(knows, firstEndings) {
		o.Kind, o.Reason = EndUndeliverable, cmp.Or(o.Reason, string(o.Kind))
	}
	return o
}

// OutcomeSchema numbers the shape of outcomes. Scripts of every build read 1, and
// only 1 is known to be read by one that does not say so: a second shape needs a
// field in ask and watch by which a script asks for it.
const OutcomeSchema = 1

// Outcome is the one answer that a question gets, as the body of its signal.
type Outcome struct {
	Schema     int       `json:"schema"`
	Kind       EndKind   `json:"kind"`
	Text       string    `json:"text,omitempty"`       // answered, opted out: the contact's words
	MessageID  string    `json:"message_id,omitempty"` // of those words
	AcceptedAt time.Time `json:"accepted_at,omitzero"` // of those words
	Delivered  Delivery  `json:"delivered,omitempty"`  // no reply, reported: did the text arrive?
	Reason     string    `json:"reason,omitempty"`     // undeliverable, reported: why not
	Epoch      int       `json:"epoch,omitempty"`      // of the floor: the script says it with what it says next
	Until      time.Time `json:"until,omitzero"`       // reported: until when the text is held
	Trace      string    `json:"trace,omitempty"`      // W3C's traceparent of those words
}

// Ended remembers how a question ended, to repeat it to a script that asks again.
type Ended struct {
	ID      string    `json:"id"`
	Script  ScriptRef `json:"script"`
	Outcome Outcome   `json:"outcome"`
}

// Delivery says whether a text reached the contact's phone.
type Delivery string

// What the carrier's receipts said. Some networks never report, so unknown is
// common.
const (
	Delivered       Delivery = "delivered"
	NotDelivered    Delivery = "not delivered"
	DeliveryUnknown Delivery = "unknown"
)
