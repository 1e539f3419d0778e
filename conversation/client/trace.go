package client

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
	"parley/sms"
)

// A trace gathers from raw history what became of one message, where no state
// holds it any more: what was handed to the carrier, how that ended, and the
// receipts.
type trace struct {
	evidence  Evidence
	converter converter.DataConverter
	attempts  map[attempt]bool
	looks     map[attempt]bool // whether the carrier has it
	encrypted Unreadable       // something that we lack the key of
}

// An attempt is named by the event that scheduled it.
type attempt struct {
	run   string
	event int64
}

func newTrace(e Evidence, c converter.DataConverter) *trace {
	return &trace{evidence: e, converter: c, attempts: map[attempt]bool{}, looks: map[attempt]bool{}}
}

// read reports whether a payload could be read.
func (t *trace) read(payloads *commonpb.Payloads, value any) bool {
	err := t.converter.FromPayloads(payloads, value)
	if unreadable, ok := errors.AsType[Unreadable](err); ok {
		t.encrypted = unreadable
	}
	return err == nil
}

// take notes an event, if it is about the message.
func (t *trace) take(run string, event *historypb.HistoryEvent) {
	at := event.GetEventTime().AsTime()
	if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == wire.SendMessageType {
		var in wire.SendInput
		if t.read(a.GetInput(), &in) && t.ours(in.Message.Key) {
			t.attempts[attempt{run, event.GetEventId()}] = true
			t.handedOver(in.Message, at)
		}
	}
	if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == wire.FindMessageType {
		var search sms.Search
		t.looks[attempt{run, event.GetEventId()}] = t.read(a.GetInput(), &search) && len(search.Keys) > 0 && t.ours(search.Keys[0])
	}
	if a := event.GetActivityTaskCompletedEventAttributes(); t.attempts[attempt{run, a.GetScheduledEventId()}] {
		var accepted sms.Accepted
		if t.read(a.GetResult(), &accepted) {
			t.accepted(accepted)
		}
	} else if t.looks[attempt{run, a.GetScheduledEventId()}] {
		var finding sms.Finding
		if t.read(a.GetResult(), &finding) && finding.Accepted != nil {
			t.accepted(*finding.Accepted)
		}
	}
	if a := event.GetActivityTaskFailedEventAttributes(); t.attempts[attempt{run, a.GetScheduledEventId()}] {
		t.failed(a.GetFailure().GetApplicationFailureInfo(), at)
	}
	if a := event.GetActivityTaskTimedOutEventAttributes(); t.attempts[attempt{run, a.GetScheduledEventId()}] {
		t.step(sms.StatusUnknown, "TIMEOUT", at)
	}
	if a := event.GetWorkflowExecutionSignaledEventAttributes(); a.GetSignalName() == wire.EventSignal {
		var e wire.Envelope
		if t.read(a.GetInput(), &e) && e.Kind == wire.KindReceipt {
			t.receipt(e)
		}
	}
}

func (t *trace) accepted(a sms.Accepted) {
	t.evidence.Message.MessageID, t.evidence.Message.Accepted = a.MessageID, a.At
	t.step(sms.StatusAccepted, "", a.At)
}

// ours reports whether a key, which may name an attempt, is the message's.
func (t *trace) ours(key string) bool {
	key, _, _ = strings.Cut(key, ".")
	return key == t.evidence.Message.Key
}

func (t *trace) handedOver(out sms.Outbound, at time.Time) {
	if m := &t.evidence.Message; m.At.IsZero() {
		m.Text, m.Reference, m.Sender, m.Kind, m.At = out.Text, out.Reference, out.From, sms.KindText, at
	}
	t.step(sms.StatusSending, "", at)
}

// failed leaves out what was certainly not taken: the conversation tried again.
func (t *trace) failed(info *failurepb.ApplicationFailureInfo, at time.Time) {
	code := "UNKNOWN"
	_ = t.read(info.GetDetails(), &code) // without details the code stays
	switch info.GetType() {
	case wire.SendRefused, wire.SendDenied:
		t.step(sms.StatusFailed, code, at)
	case wire.SendAmbiguous:
		t.step(sms.StatusUnknown, code, at)
	}
}

func (t *trace) receipt(e wire.Envelope) {
	var r sms.Receipt
	if json.Unmarshal(e.Body, &r) != nil || !t.ours(r.Key) && (r.MessageID == "" || r.MessageID != t.evidence.Message.MessageID) {
		return
	}
	if t.evidence.Message.MessageID == "" {
		t.evidence.Message.MessageID, t.evidence.Message.Accepted = r.MessageID, r.AcceptedAt
	}
	if r.MessageID != t.evidence.Message.MessageID && !sms.StatusFailed.Before(r.Status) {
		return // an earlier attempt failed; the message did not
	}
	t.step(r.Status, r.Reason, r.At)
}

// step moves the message's status, never back, as its conversation did.
func (t *trace) step(status sms.Status, reason string, at time.Time) {
	m := &t.evidence.Message
	if !m.Status.Before(status) {
		return
	}
	m.Status, m.Reason, m.StatusAt = status, reason, at
	m.Steps = append(m.Steps, wire.Step{Status: status, Reason: reason, At: at, MessageID: m.MessageID})
}
