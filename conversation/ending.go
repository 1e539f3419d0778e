package conversation

import "parley/conversation/wire"

// An EndKind is a way in which a question can end without an answer that was
// understood, and the one word for it. These are ordinary life, not failures.
type EndKind string

// errors.Is finds them in what Ask returns; errors.As with an *Ending tells more.
const (
	ErrNoReply       = EndKind(wire.EndNoReply)
	ErrNotUnderstood = EndKind("not understood") // which no conversation says: understanding is the script's
	ErrOptedOut      = EndKind(wire.EndOptedOut)
	ErrUndeliverable = EndKind(wire.EndUndeliverable)
	ErrTooLate       = EndKind(wire.EndTooLate)
	ErrWithdrawn     = EndKind(wire.EndWithdrawn)
	ErrTakenOver     = EndKind(wire.EndTakenOver) // a person speaks to the contact now
)

// Error is the word.
func (k EndKind) Error() string { return string(k) }

// An Ending tells how a question ended. errors.Is finds its kind.
type Ending struct {
	Kind      EndKind
	Words     string   // ErrOptedOut, ErrNotUnderstood: what the contact wrote last
	Delivered Delivery // ErrNoReply: "did not answer" is not "did not get it"
	Reason    string   // ErrUndeliverable: the carrier's code, or why it was not sent
}

func (e *Ending) Error() string {
	if e.Reason != "" {
		return e.Kind.Error() + ": " + e.Reason
	}
	return e.Kind.Error()
}

func (e *Ending) Unwrap() error { return e.Kind }
