package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/sms"
)

// Schema numbers the shape of envelopes and of State. A worker that meets a
// newer one fails the task, which is tried again until a worker of the right
// build is there; it never rewrites what it does not know in full.
const Schema = 1

// An Envelope is one asynchronous input of a conversation. There is a single
// signal for all of them because Temporal keeps order only within one signal
// name, and a STOP must not overtake, or be overtaken by, anything.
type Envelope struct {
	Schema int             `json:"schema"`
	ID     string          `json:"id"` // the same for every delivery of the same input
	Kind   Kind            `json:"kind"`
	At     time.Time       `json:"at"`
	Body   json.RawMessage `json:"body"`
	Trace  string          `json:"trace,omitempty"` // W3C's traceparent of what brought it
}

// A Kind says what an Envelope carries.
type Kind string

// Everything that can happen to a conversation from outside.
const (
	KindInbound  Kind = "inbound"  // sms.Inbound: a message from the contact
	KindReceipt  Kind = "receipt"  // sms.Receipt: what became of a message of ours
	KindSend     Kind = "send"     // SendRequest: a message of an application or a person
	KindAsk      Kind = "ask"      // asked: a script's question
	KindSay      Kind = "say"      // said: a script's message that asks nothing
	KindWithdraw Kind = "withdraw" // withdrawn: a script no longer wants an answer
	KindWatch    Kind = "watch"    // watched: a script wants to know whether a text arrived
	KindRetry    Kind = "retry"    // Mend: a person wants parked work tried again
	KindSkip     Kind = "skip"     // Mend: a person wants parked work given up
	KindDecide   Kind = "decide"   // Decided: of a workflow that worked on a turn
	KindOptOut   Kind = "optout"   // Consent: the contact said so elsewhere
	KindTrouble  Kind = "trouble"  // Trouble: a script cannot go on, or can again
)

// A SendRequest asks for one message to the contact.
type SendRequest struct {
	Text        string        `json:"text"`
	Reference   string        `json:"reference,omitempty"`   // what it is about: an appointment, an order
	NotBefore   time.Time     `json:"not_before,omitzero"`   // not sent earlier than this
	UsefulUntil time.Time     `json:"useful_until,omitzero"` // not sent later than this
	By          string        `json:"by,omitempty"`          // who writes, for the transcript
	As          Author        `json:"as,omitempty"`          // what kind of author that is: person, agent or program (default)
	Keep        time.Duration `json:"keep,omitempty"`        // a person keeps the floor for so long: nobody else speaks
	InDoubt     InDoubt       `json:"in_doubt,omitempty"`    // default: resend
}

// InDoubt says what to do with a message when it is unknown whether the
// carrier took it.
type InDoubt string

// A reminder twice is better than none; a one-time offer may not be.
const (
	Resend InDoubt = "resend"
	Park   InDoubt = "park"
)

// A ScriptRef is the script behind a question: where its answer goes.
type ScriptRef struct {
	Type       string `json:"type"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`                 // the original run's, which a reset does not change
	FirstRunID string `json:"first_run_id,omitempty"` // of the chain, which neither a reset nor continuing as new changes
}

// Check keeps the server from refusing the signal of an answer, which would
// fail the conversation's task for ever.
func (r ScriptRef) Check() error {
	if r.Type == "" || r.WorkflowID == "" || len(r.Type) > MaxIDBytes || len(r.WorkflowID) > 1000 || len(r.RunID) > MaxIDBytes || len(r.FirstRunID) > MaxIDBytes {
		return errors.New("event of a script without the script's type and workflow id, or with ones that are none")
	}
	return nil
}

// SameRun reports whether both are the same run, or runs of one chain.
func (r ScriptRef) SameRun(other ScriptRef) bool {
	return r.WorkflowID == other.WorkflowID && (r.RunID == other.RunID || r.FirstRunID != "" && r.FirstRunID == other.FirstRunID)
}

// Asked is a script's question.
type Asked struct {
	Script      ScriptRef     `json:"script"`
	Text        string        `json:"text"`
	Timeout     time.Duration `json:"timeout"`
	UsefulUntil time.Time     `json:"useful_until,omitzero"`
	Reference   string        `json:"reference,omitempty"`
	InDoubt     InDoubt       `json:"in_doubt,omitempty"`
	Epoch       int           `json:"epoch,omitempty"` // of the last outcome that the script was told
	Knows       int           `json:"knows,omitempty"` // how many of the EndKinds; 0: the first release's
}

// Said is a script's message that asks nothing.
type Said struct {
	Script      ScriptRef `json:"script"`
	Text        string    `json:"text"`
	UsefulUntil time.Time `json:"useful_until,omitzero"`
	Reference   string    `json:"reference,omitempty"`
	InDoubt     InDoubt   `json:"in_doubt,omitempty"`
	Epoch       int       `json:"epoch,omitempty"` // of the last outcome that the script was told
}

// Withdrawn says that a script no longer wants an answer.
type Withdrawn struct {
	Script ScriptRef `json:"script"`
	AskID  string    `json:"ask_id"`
}

// Watched asks to be told whether a text that the script said arrived.
type Watched struct {
	Script ScriptRef `json:"script"`
	SayID  string    `json:"say_id"`
	Until  time.Time `json:"until"` // what is not known by then is unknown
}

// A Mend is a person's word about parked work.
type Mend struct {
	IDs   []string   `json:"ids,omitempty"`   // of what is parked; empty: all of it
	Codes []ParkCode `json:"codes,omitempty"` // only what was parked for one of these; empty: whatever the reason
	By    string     `json:"by,omitempty"`
	Why   string     `json:"why,omitempty"`
}

// Consent is a contact's wish that did not come as a text.
type Consent struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`          // where it was said: a form, a call, another system
	Words  string    `json:"words,omitempty"` // as evidence
}

// NewEnvelope puts a body into an envelope of this build's schema.
func NewEnvelope(kind Kind, id string, at time.Time, body any) (Envelope, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Envelope{}, fmt.Errorf("encoding a %s event: %w", kind, err)
	}
	return Envelope{Schema: Schema, ID: id, Kind: kind, At: at, Body: raw}, nil
}

// InboundEvent is the envelope of a message from the contact, with the verdict that
// it has: see client.InboundEvent.
func InboundEvent(m sms.Inbound, at time.Time) (Envelope, error) {
	return NewEnvelope(KindInbound, "in:"+m.ID, at, m)
}

// ReceiptEvent is the envelope of a receipt.
func ReceiptEvent(r sms.Receipt, at time.Time) (Envelope, error) {
	return NewEnvelope(KindReceipt, "receipt:"+r.MessageID+":"+string(r.Status), at, r)
}

// SendEvent is the envelope of a message to be sent, the form that needs no
// live worker. The id is the caller's idempotency key.
func SendEvent(id string, r SendRequest, at time.Time) (Envelope, error) {
	return NewEnvelope(KindSend, "send:"+id, at, r)
}

// RetryEvent is the envelope of a wish to try parked work again.
func RetryEvent(id string, m Mend, at time.Time) (Envelope, error) {
	return NewEnvelope(KindRetry, "retry:"+id, at, m)
}

// SkipEvent is the envelope of a wish to give parked work up.
func SkipEvent(id string, m Mend, at time.Time) (Envelope, error) {
	return NewEnvelope(KindSkip, "skip:"+id, at, m)
}

// OptOutEvent is the envelope of a wish to get no more texts that was said
// elsewhere. It is the same for each time it is brought in.
func OptOutEvent(c Consent) (Envelope, error) {
	return NewEnvelope(KindOptOut, "optout:"+c.At.UTC().Format(time.RFC3339)+":"+Cut(c.Source, MaxIDBytes), c.At, c)
}

// Cut shortens what is longer than any text message can be, so that the state
// stays within what the server stores.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
