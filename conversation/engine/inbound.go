package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

var errNoContact = errors.New(`the input needs a contact, such as {"contact":"+15551234567"}`)

// take handles one event. What cannot be understood is recorded and skipped: a
// conversation never fails for what somebody signalled.
func (c *conversation) take(raw converter.RawValue) {
	c.signals++
	c.changed()
	e, err := open(raw.Payload())
	if err != nil {
		c.skip(e.ID, "", err)
		return
	}
	kind := e.Kind
	if len(e.Trace) <= wire.MaxIDBytes { // a longer one is invalid, and the state would keep it for each text
		c.trace = e.Trace
	}
	defer func() { c.trace = "" }()
	switch e.Kind {
	case wire.KindInbound:
		err = handle(e, c.onInbound)
	case wire.KindReceipt:
		err = handle(e, c.onReceipt)
	case wire.KindSend:
		err = handle(e, c.onSend)
	case wire.KindAsk:
		err = handle(e, c.onAsk)
	case wire.KindSay:
		err = handle(e, c.onSay)
	case wire.KindWithdraw:
		err = handle(e, c.onWithdraw)
	case wire.KindWatch:
		err = handle(e, c.onWatch)
	case wire.KindRetry:
		err = handle(e, c.onRetry)
	case wire.KindSkip:
		err = handle(e, c.onSkip)
	case wire.KindOptOut:
		err = handle(e, c.onOptOut)
	case wire.KindTrouble:
		err = handle(e, c.onTrouble)
	default:
		kind, err = "", errors.New("unknown kind of event")
	}
	if err != nil {
		c.skip(e.ID, kind, err)
	}
}

func open(p *commonpb.Payload) (wire.Envelope, error) {
	var e wire.Envelope
	if p == nil {
		return e, errors.New("event without a body")
	}
	var version struct{ Schema int } // first, since a newer envelope may look different
	if err := json.Unmarshal(p.GetData(), &version); err == nil && version.Schema > wire.Schema {
		panic(fmt.Sprintf("an event has schema %d and this build knows %d: deploy the newer worker", version.Schema, wire.Schema))
	}
	if err := json.Unmarshal(p.GetData(), &e); err != nil {
		return wire.Envelope{}, errors.New("event is not an envelope")
	}
	if e.ID == "" || len(e.ID) > wire.MaxEventIDBytes {
		return wire.Envelope{}, errors.New("event: the id is missing, or longer than 500 bytes")
	}
	return e, nil
}

func handle[T any](e wire.Envelope, f func(e wire.Envelope, body T) error) error {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return fmt.Errorf("%s event with an unreadable body", e.Kind)
	}
	return f(e, body)
}

// skip records an event that is none; the kind is empty if it has none of ours.
func (c *conversation) skip(id string, kind wire.Kind, err error) {
	c.count(metricSkipped, "kind", string(cmp.Or(kind, "unknown")))
	if len(c.state.Skipped) >= 20 {
		c.state.Skipped = c.state.Skipped[1:]
		c.state.Evicted++
	}
	c.state.Skipped = append(c.state.Skipped, wire.Skipped{ID: id, Reason: plain(err), At: c.now()})
	c.touch()
	workflow.GetLogger(c.ctx).Warn("Skipped an event", "event", id, "reason", plain(err))
}

// touch puts off closing.
func (c *conversation) touch() { c.state.ActiveAt = c.now() }

// seen remembers an event and reports whether it was known already.
func (c *conversation) seen(id string) bool {
	s := c.state
	if slices.ContainsFunc(s.Seen, func(x wire.Seen) bool { return x.ID == id }) {
		return true
	}
	now := c.now()
	oldest := now.Add(-s.Settings.RememberFor)
	for len(s.Seen) > 0 && (len(s.Seen) >= maxSeen || s.Seen[0].At.Before(oldest)) {
		if !s.Seen[0].At.Before(oldest) {
			s.Evicted++
		}
		s.Seen = s.Seen[1:]
	}
	s.Seen = append(s.Seen, wire.Seen{ID: id, At: now})
	return false
}

// onInbound records a message of the contact. Words about consent act at once;
// everything else waits in the inbox for its turn.
func (c *conversation) onInbound(e wire.Envelope, in sms.Inbound) error {
	if in.ID == "" || len(in.ID) > wire.MaxIDBytes {
		return errors.New("inbound event: the message id is missing, or longer than 200 bytes")
	}
	in.Text, in.ConversationID, in.Reference = wire.Cut(in.Text, maxTextBytes), wire.Cut(in.ConversationID, wire.MaxIDBytes), wire.Cut(in.Reference, wire.MaxIDBytes)
	if c.seen(e.ID) {
		return nil
	}
	if in.AcceptedAt.IsZero() {
		in.AcceptedAt = c.now() // the carrier did not say
	}
	c.touch()
	c.record(wire.Message{
		MessageID: in.ID, Carrier: in.ConversationID, From: wire.FromContact, Sender: in.To, Kind: in.Kind,
		Text: in.Text, At: c.now(), Accepted: in.AcceptedAt,
	})
	if in.Kind == sms.KindText {
		switch word := wire.Keyword(in.Text); {
		case word == wire.WordStart && c.state.OptedOut == nil && in.AcceptedAt.After(c.state.OptedIn):
			c.state.OptedIn = in.AcceptedAt // should an older wish be brought in; else it is a text like any other
		case word == wire.WordStop:
			c.optOut(in)
			c.count(metricHandled, "by", byKeyword)
			return nil
		case word == wire.WordStart && c.state.OptedOut != nil:
			c.optIn(in)
			c.count(metricHandled, "by", byKeyword)
			return nil
		case word == wire.WordHelp && c.state.OptedOut == nil:
			c.help()
			c.count(metricHandled, "by", byKeyword)
			return nil
		}
	}
	if c.state.OptedOut != nil {
		c.count(metricHandled, "by", byNobody)
		return nil // recorded; nobody may answer
	}
	c.state.Inbox = c.bounded(append(c.state.Inbox, wire.Text{Inbound: in, At: c.now(), Trace: c.trace}), maxInbox)
	return nil
}

// bounded lets the oldest texts go when more wait than a state can hold.
func (c *conversation) bounded(texts []wire.Text, most int) []wire.Text {
	if extra := len(texts) - most; extra > 0 {
		c.state.Evicted += extra
		c.countMany(extra, metricHandled, "by", byNobody)
		c.raise(wire.CauseFlood, "more texts came than can wait to be answered")
		return texts[extra:]
	}
	return texts
}

// routeTexts gives each waiting text to the question it answers, or else to the
// responder. While a question is on its way to the contact nobody can know
// which of the two it is, so texts wait for that.
func (c *conversation) routeTexts() {
	s := c.state
	for len(s.Inbox) > 0 && !c.offering() {
		t := s.Inbox[0]
		q := c.asking()
		if q != nil && !q.Open() && c.leaving(q.Key) {
			return
		}
		s.Inbox = s.Inbox[1:]
		if q != nil && q.Open() && t.Kind == sms.KindText && t.AcceptedAt.After(q.AcceptedAt) {
			c.end(*q, wire.Outcome{Kind: wire.EndAnswered, Text: t.Text, MessageID: t.ID, AcceptedAt: t.AcceptedAt}, &t)
			continue
		}
		s.Backlog = c.bounded(append(s.Backlog, t), maxBacklog)
	}
}
