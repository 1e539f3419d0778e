package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// Proof is what is known about a message, and about those that it repeats or
// that repeat it.
type Proof struct {
	Message    string     `json:"message"` // that was asked for; the caller fills it in
	WorkflowID string     `json:"workflow_id"`
	Link       string     `json:"link,omitempty"` // in Temporal's UI; the caller fills it in
	Number     sms.Number `json:"number"`
	Sender     sms.Sender `json:"sender,omitempty"`
	Evidence   []Evidence `json:"evidence"`       // oldest first
	Note       string     `json:"note,omitempty"` // why there may be more
}

// Evidence is a message, and where it was found.
type Evidence struct {
	Source  Source           `json:"source"`
	AsOf    time.Time        `json:"as_of,omitzero"` // it may have changed since
	Message wire.Message     `json:"message"`
	Parked  *wire.ParkedMark `json:"parked,omitempty"`
}

// A Source says how good a piece of evidence is.
type Source string

// Where a message was found.
const (
	FromNow     Source = "conversation" // as it is now, or was when it closed
	FromBefore  Source = "earlier run"  // as it was when that ended, and what its history tells since
	FromArchive Source = "archive"
	FromHistory Source = "history" // put together from its events: who wrote it is not known
)

// An Unproven error says why a message with an id of the carrier's was not found.
type Unproven struct {
	Asked   error // why no conversation has it
	Archive error // why the archive could not be asked; nil: it does not have it
}

func (e *Unproven) Error() string { return errors.Join(e.Asked, e.Archive).Error() }

// Unwrap returns both reasons.
func (e *Unproven) Unwrap() []error { return []error{e.Asked, e.Archive} }

// Prove finds what is known of a message: in its conversation as it is now and as it
// was when earlier runs ended, in the archive, and in raw history. It is sought by a
// key or by the carrier's id. Where nothing has it, the error is a NoTrace or an
// Unproven.
func (d Desk) Prove(ctx context.Context, what Sought) (Proof, error) {
	digger := digger{Desk: d, search: what.Search}
	if what.Key == "" {
		return digger.byMessageID(ctx, what.MessageID)
	}
	_, firstRun, _ := ParseKey(what.Key)
	return digger.byKey(ctx, what.Key, firstRun)
}

// byMessageID finds a message by the carrier's id. The archive knows at once
// whose it is; without one, conversations are asked.
func (d digger) byMessageID(ctx context.Context, id string) (Proof, error) {
	var p Proof
	r, found, err := d.Archived(ctx, id)
	m := r.Message
	if found {
		p = Proof{WorkflowID: r.Conversation, Evidence: []Evidence{{Source: FromArchive, AsOf: r.At, Message: m}}}
	} else {
		v, asked := d.Search(ctx, d.search, id, func(m wire.Message) bool { return m.MessageID == id })
		if asked != nil {
			return Proof{}, &Unproven{Asked: asked, Archive: err}
		}
		m = *v.Message
		p = Proof{WorkflowID: v.WorkflowID, Evidence: []Evidence{{Source: FromNow, Message: m}}}
	}
	if key, firstRun, ok := ParseKey(m.Key); ok {
		return d.byKey(ctx, key, firstRun)
	}
	with := d.Whose(ctx, p.WorkflowID)
	p.Number, p.Sender = with.Contact, with.Sender
	return p, nil
}

// Steps are how a message came to its status. Messages that were sent before
// steps were kept have at least the last one.
func Steps(m wire.Message) []wire.Step {
	if m.Key == "" {
		all := []wire.Step{{Status: "received", At: m.At, MessageID: m.MessageID}}
		if !m.Accepted.IsZero() {
			all = append([]wire.Step{{Status: "taken by the carrier", At: m.Accepted}}, all...)
		}
		return all
	}
	all := append([]wire.Step{{Status: sms.StatusQueued, At: m.At}}, m.Steps...)
	if last := all[len(all)-1]; last.Status != m.Status && m.Status != "" {
		all = append(all, wire.Step{Status: m.Status, Reason: m.Reason, At: m.StatusAt, MessageID: m.MessageID})
	}
	// A receipt may have been faster than the answer that said so.
	told := func(s wire.Step) bool { return s.Status == sms.StatusAccepted }
	if !m.Accepted.IsZero() && !slices.ContainsFunc(all, told) {
		later := slices.IndexFunc(all, func(s wire.Step) bool { return sms.StatusAccepted.Before(s.Status) })
		if later < 0 {
			later = len(all)
		}
		all = slices.Insert(all, later, wire.Step{Status: sms.StatusAccepted, At: m.Accepted, MessageID: m.MessageID})
	}
	return all
}
