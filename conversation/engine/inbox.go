package engine

import (
	"cmp"
	"errors"
	"slices"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// inbox keeps the contact's texts until a question or the responder takes them up.
type inbox struct {
	still
	*run
	*wire.Arrivals
}

// skip records an event that cannot be understood; the kind is empty if it has none of ours.
func (b *inbox) skip(id string, kind wire.Kind, err error) {
	b.count(metricSkipped, "kind", string(cmp.Or(kind, "unknown")))
	if len(b.Skipped) >= 20 {
		b.Skipped = b.Skipped[1:]
		b.Evicted++
	}
	b.Skipped = append(b.Skipped, wire.Skipped{ID: id, Reason: plain(err), At: b.now()})
	b.touch()
	workflow.GetLogger(b.ctx).Warn("Skipped an event", "event", id, "reason", plain(err))
}

// knows remembers an event and reports whether it was known already.
func (b *inbox) knows(id string) bool {
	if slices.ContainsFunc(b.Seen, func(x wire.Seen) bool { return x.ID == id }) {
		return true
	}
	now := b.now()
	oldest := now.Add(-b.Settings.RememberFor)
	for len(b.Seen) > 0 && (len(b.Seen) >= maxSeen || b.Seen[0].At.Before(oldest)) {
		if !b.Seen[0].At.Before(oldest) {
			b.Evicted++
		}
		b.Seen = b.Seen[1:]
	}
	b.Seen = append(b.Seen, wire.Seen{ID: id, At: now})
	return false
}

// onInbound records a message of the contact. Words about consent act at once;
// everything else waits in the inbox for its turn.
func (b *inbox) onInbound(e wire.Envelope, in sms.Inbound) error {
	if in.ID == "" || len(in.ID) > wire.MaxIDBytes {
		return errors.New("inbound event: the message id is missing, or longer than 200 bytes")
	}
	in.Text, in.ConversationID, in.Reference = wire.Cut(in.Text, maxTextBytes), wire.Cut(in.ConversationID, wire.MaxIDBytes), wire.Cut(in.Reference, wire.MaxIDBytes)
	if b.knows(e.ID) {
		return nil
	}
	if in.AcceptedAt.IsZero() {
		in.AcceptedAt = b.now() // the carrier did not say
	}
	b.touch()
	b.transcript.record(wire.Message{
		MessageID: in.ID, Carrier: in.ConversationID, From: wire.FromContact, Author: wire.ByContact, Sender: in.To, Kind: in.Kind,
		Text: in.Text, At: b.now(), Accepted: in.AcceptedAt,
	})
	switch {
	case b.consent.heard(in):
		b.count(metricHandled, "by", byKeyword)
	case b.consent.out():
		b.count(metricHandled, "by", byNobody) // recorded; nobody may answer
	default:
		in.Verdict = nil // obeyed; what it holds may be of any length
		b.Inbox = b.bounded(append(b.Inbox, wire.Text{Inbound: in, At: b.now(), Trace: b.trace}), maxInbox)
	}
	return nil
}

// bounded lets the oldest texts go when more wait than a state can hold.
func (r *run) bounded(texts []wire.Text, most int) []wire.Text {
	if extra := len(texts) - most; extra > 0 {
		r.Evicted += extra
		r.countMany(extra, metricHandled, "by", byNobody)
		r.desk.raise(wire.CauseFlood, "more texts came than can wait to be answered")
		return texts[extra:]
	}
	return texts
}

// again puts back a text that its taker did not use up.
func (b *inbox) again(t wire.Text) { b.Inbox = slices.Insert(b.Inbox, 0, t) }

// advance gives each waiting text to the person who has the floor, to the question
// that it answers, or else to the responder. While a question is on its way to the
// contact it is ambiguous which of the two it is, so texts wait for that.
func (b *inbox) advance() {
	for len(b.Inbox) > 0 && !b.answers.offering() && !b.questions.leaving() {
		t := b.Inbox[0]
		b.Inbox = b.Inbox[1:]
		switch person := b.floor.person(); {
		case person != "":
			b.count(metricHandled, "by", byPerson)
			b.desk.raise(wire.CausePerson, "the contact wrote while "+person+" has the floor")
		case !b.questions.answeredBy(t):
			b.responder.wait(t)
		}
	}
}

func (b *inbox) busy() bool { return len(b.Inbox) > 0 }

func (b *inbox) silence(wire.OptOut) {
	b.countMany(len(b.Inbox), metricHandled, "by", byNobody)
	b.Inbox = nil
}
