package engine

import (
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
)

var errNoContact = errors.New(`the input needs a contact, such as {"contact":"+15551234567"}`)

// take handles one event. What cannot be understood is recorded and skipped: a
// conversation never fails for what somebody signalled.
func (c *conversation) take(raw converter.RawValue) {
	c.signals++
	c.archive.changed()
	e, err := open(raw.Payload())
	if err != nil {
		c.inbox.skip(e.ID, "", err)
		return
	}
	kind := e.Kind
	if len(e.Trace) <= wire.MaxIDBytes { // a longer one is invalid, and the state would keep it for each text
		c.trace = e.Trace
	}
	defer func() { c.trace = "" }()
	switch e.Kind {
	case wire.KindInbound:
		err = handle(e, c.inbox.onInbound)
	case wire.KindReceipt:
		err = handle(e, c.transcript.onReceipt)
	case wire.KindSend:
		err = handle(e, c.outbox.onSend)
	case wire.KindAsk:
		err = handle(e, c.questions.onAsk)
	case wire.KindSay:
		err = handle(e, c.says.onSay)
	case wire.KindWithdraw:
		err = handle(e, c.questions.onWithdraw)
	case wire.KindWatch:
		err = handle(e, c.watches.onWatch)
	case wire.KindRetry:
		err = handle(e, c.desk.onRetry)
	case wire.KindSkip:
		err = handle(e, c.desk.onSkip)
	case wire.KindDecide:
		err = handle(e, c.responder.onDecide)
	case wire.KindTrouble:
		err = handle(e, c.desk.onTrouble)
	case wire.KindOptOut:
		err = handle(e, c.consent.onOptOut)
	default:
		kind, err = "", errors.New("unknown kind of event")
	}
	if err != nil {
		c.inbox.skip(e.ID, kind, err)
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
