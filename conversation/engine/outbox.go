package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// outbox holds texts on their way to the carrier, in order. One is handed over at a time.
type outbox struct {
	*run
	*wire.Departures
	sending *sending
}

// full reports whether no more texts can wait, here or beside.
func (o *outbox) full() bool { return len(o.Outbox)+len(o.held.messages()) >= maxOutbox }

func (o *outbox) busy() bool { return len(o.Outbox) > 0 }

// messages are all that wait here.
func (o *outbox) messages() []wire.Message { return o.Outbox }

// admit asks the gate about a new message, and tells a person if one should know.
func (o *outbox) admit(m *wire.Message) ruling {
	r := o.gate.ask(m)
	if r.cause != "" {
		o.desk.raise(r.cause, r.why)
	}
	return r
}

// offer queues a new message, holds it until its time, or refuses it, as the gate
// rules. The key of a refused one is empty.
func (o *outbox) offer(m wire.Message) (string, ruling) {
	r := o.admit(&m)
	if r.never != "" {
		return "", r
	}
	o.gate.passed(m)
	m = o.draft(m)
	if r.goes() {
		o.put(m)
	} else {
		o.held.hold(m, r.until, r.why)
	}
	o.touch()
	return m.Key, r
}

// again queues what a person has decided about: it is sent, whatever was sent in a life
// before.
func (o *outbox) again(m wire.Message) {
	m = o.draft(m)
	m.Delivery = &wire.Outstanding{}
	o.put(m)
	o.touch()
}

// put adds what has a key already.
func (o *outbox) put(m wire.Message) { o.Outbox = append(o.Outbox, m) }

// draft gives a message its key, and all that it has before it is sent.
func (o *outbox) draft(m wire.Message) wire.Message {
	o.LastKey++
	m.Key = o.FirstRunID + "-" + strconv.Itoa(o.LastKey)
	m.Sender, m.Kind, m.Status, m.At = o.Sender, sms.KindText, sms.StatusQueued, o.now()
	m.Delivery = &wire.Outstanding{Trace: o.trace}
	if o.info.OriginalRunID != "" && o.info.OriginalRunID != o.info.WorkflowExecution.RunID {
		m.Delivery.Relived, m.Delivery.Look, m.Delivery.Began = true, true, o.info.WorkflowStartTime
	}
	return m
}

// find returns where in the outbox a message is; negative if it is not there.
func (o *outbox) find(which func(wire.Message) bool) int { return slices.IndexFunc(o.Outbox, which) }

// holds reports whether such a message waits to be sent.
func (o *outbox) holds(which func(wire.Message) bool) bool { return o.find(which) >= 0 }

// takeBack has a message not sent, if it has not left.
func (o *outbox) takeBack(key string) {
	if i := o.find(func(m wire.Message) bool { return m.Key == key }); i >= 0 {
		o.Outbox[i].Delivery.TakenBack = true
		o.cancel(key, reasonTakenBack)
	}
}

// silence takes back what has not left. An attempt on the wire reports its true
// outcome.
func (o *outbox) silence(wire.OptOut) {
	for i, m := range slices.Backward(o.Outbox) {
		if !o.cancel(m.Key, reasonOptedOut) {
			o.giveUp(i, sms.StatusDropped, reasonOptedOut)
		}
	}
}

// leave moves a message from the outbox to the transcript.
func (o *outbox) leave(i int) {
	m := o.Outbox[i]
	m.Delivery = nil
	o.Outbox = slices.Delete(o.Outbox, i, i+1)
	o.left(m)
}

// refusalOf says why a message of an application or a person cannot be taken.
func (o *outbox) refusalOf(id string, r wire.SendRequest) string {
	switch {
	case o.full():
		return fmt.Sprintf("%d messages wait to be sent already", maxOutbox)
	case len(r.Reference) > wire.MaxIDBytes || len(r.By) > wire.MaxIDBytes:
		return fmt.Sprintf("the reference or the name of its author is longer than %d bytes", wire.MaxIDBytes)
	case !slices.Contains([]wire.Author{"", wire.ByProgram, wire.ByPerson, wire.ByAgent}, r.As):
		return fmt.Sprintf("%q is not who may ask for a text: person, agent or program", wire.Cut(string(r.As), 20))
	case r.Keep != 0 && (r.As != wire.ByPerson || r.Keep < 0 || r.Keep > maxLease):
		return fmt.Sprintf("only a person keeps the floor, for at most %s", maxLease)
	case len(id) > wire.MaxIDBytes:
		return fmt.Sprintf("the idempotency key is longer than %d bytes", wire.MaxIDBytes)
	case slices.Contains([]string{wire.FromContact, wire.FromResponder, wire.FromParley}, strings.ToLower(strings.TrimSpace(r.By))):
		return fmt.Sprintf("%q is not a name to send by: in the transcript it would pass for somebody else", r.By)
	case r.InDoubt != "" && r.InDoubt != wire.Resend && r.InDoubt != wire.Park:
		return `"in_doubt" is neither "resend" nor "park"`
	}
	m := requestedMessage(r)
	if ruling := o.gate.ask(&m); ruling.never != "" {
		return ruling.why
	}
	return ""
}

func requestedMessage(r wire.SendRequest) wire.Message {
	return wire.Message{
		From: cmp.Or(r.By, wire.FromApplication), Author: cmp.Or(r.As, wire.ByProgram), Text: r.Text, Reference: r.Reference,
		NotBefore: r.NotBefore, Useful: r.UsefulUntil, InDoubt: r.InDoubt,
	}
}

func (c *conversation) validateSendUpdate(ctx workflow.Context, r wire.SendRequest) error {
	id := workflow.GetCurrentUpdateInfo(ctx).ID
	if _, known := c.outbox.requested(id); known {
		return nil
	}
	if why := c.outbox.refusalOf(id, r); why != "" {
		return temporal.NewApplicationError(why, wire.TypeRefused)
	}
	return nil
}

// onSendUpdate is the synchronous way in: the caller gets the message's key.
func (c *conversation) onSendUpdate(ctx workflow.Context, r wire.SendRequest) (string, error) {
	if !c.begun {
		if err := workflow.Await(ctx, func() bool { return c.begun }); err != nil {
			return "", err
		}
	}
	key, err := c.outbox.request(workflow.GetCurrentUpdateInfo(ctx).ID, r)
	c.wake.SendAsync(true)
	return key, err
}

// onSend is the queued form of the same.
func (o *outbox) onSend(e wire.Envelope, r wire.SendRequest) error {
	_, err := o.request(strings.TrimPrefix(e.ID, "send:"), r)
	return err
}

func (o *outbox) requested(id string) (string, bool) {
	i := slices.IndexFunc(o.Requests, func(r wire.Request) bool { return r.ID == id })
	if i < 0 {
		return "", false
	}
	return o.Requests[i].Key, true
}

func (o *outbox) request(id string, r wire.SendRequest) (string, error) {
	if key, known := o.requested(id); known {
		return key, nil
	}
	if why := o.refusalOf(id, r); why != "" {
		return "", temporal.NewApplicationError(why, wire.TypeRefused)
	}
	key, _ := o.offer(requestedMessage(r))
	if r.As == wire.ByPerson {
		o.desk.settle(wire.CausePerson)
	}
	if r.Keep > 0 {
		o.floor.give(wire.Speaker{Kind: wire.ByPerson, Name: cmp.Or(r.By, wire.FromApplication)}, o.now().Add(r.Keep))
	}
	if len(o.Requests) >= maxSeen {
		o.Requests = o.Requests[1:]
		o.Evicted++
	}
	o.Requests = append(o.Requests, wire.Request{ID: id, Key: key, At: o.now()})
	return key, nil
}

func (o *outbox) deadlines(at func(time.Time, string)) {
	if len(o.Outbox) > 0 && o.sending == nil {
		m := &o.Outbox[0]
		r := o.gate.ask(m)
		at(r.until, r.why)
		at(m.Useful, "message too late")
	}
}

// receipt notes what became of a message that is in flight or in doubt, and reports
// whether it is about one that is here.
func (o *outbox) receipt(ours func(wire.Message) bool, r sms.Receipt) bool {
	i := o.find(ours)
	if i < 0 {
		return false
	}
	m := &o.Outbox[i]
	if r.Status == sms.StatusFailed && r.Key != "" && r.Key != o.attemptOf(m) {
		return false // an earlier attempt failed; the one under way may not, or may find that one
	}
	m.MessageID, m.Accepted, m.Carrier = r.MessageID, r.AcceptedAt, r.ConversationID
	o.transcript.forward(m, r)
	switch {
	case !m.Status.Settled():
	case !m.Delivery.Doubt && o.handing(m.Key): // its answer comes at once
	case !o.cancel(m.Key, reasonTakenBack):
		o.leave(i)
	}
	return true
}
