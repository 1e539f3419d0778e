package engine

import (
	"errors"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

const (
	doubtPatience  = 30 * time.Second // for a callback that settles whether a text was taken
	nobodyPatience = 5 * time.Minute  // for a worker: a run must be able to continue as new although nobody sends
	longestPause   = 5 * time.Minute  // between tries
	awayAfter      = time.Minute      // of tries that are not taken, a person is told
	sendingGivesUp = 24 * time.Hour   // with a carrier that takes nothing
	maxAttempts    = 3                // to send one message, of which each but the last ended in doubt
	maxLooks       = 4                // that end without an answer: then nobody can say
	attemptTimeout = 30 * time.Second // of one attempt; the carrier's client gives up five seconds before

	codeNobody = "NO_WORKER" // takes work of the queue for sending
)

// sending is the one errand to the carrier that is in flight: an attempt to send, or a
// look whether an earlier one was taken.
type sending struct {
	key     string
	attempt int // its number
	looks   bool
	cancel  workflow.CancelFunc
	why     string // it was called back
}

// advance hands the first message of the outbox to the carrier, if it may
// leave now. There is one at a time, so texts arrive in order.
func (o *outbox) advance() {
	for o.sending == nil && len(o.Outbox) > 0 {
		m := &o.Outbox[0]
		if m.Status.Settled() {
			o.leave(0) // a receipt settled it
			continue
		}
		switch r := o.gate.ask(m); {
		case r.never != "":
			o.questions.refused(m.Key, r)
			o.giveUp(0, r.never, r.why)
		case r.inPlace:
			return
		case m.Delivery.Look: // which sends nothing
			o.look(m)
		case r.goes():
			o.send(m)
		default:
			o.holdBack(r)
		}
	}
}

// holdBack puts the first message aside, for one that may leave now. A question is
// asked later.
func (o *outbox) holdBack(r ruling) {
	m := o.Outbox[0]
	o.Outbox = o.Outbox[1:]
	if m.Delivery.Doubt || !o.questions.postpone(m.Key, r) {
		o.held.hold(m, r.until, r.why)
	}
	o.responder.postponed(m.Key)
}

// giveUp ends a message that is not tried any more. If an attempt may have been
// taken, all that can be said is that nobody knows.
func (o *outbox) giveUp(i int, status sms.Status, reason string) {
	m := &o.Outbox[i]
	if m.Delivery.Doubt {
		status = sms.StatusUnknown
	}
	m.Status, m.Reason, m.StatusAt = status, reason, o.now()
	m.Step(status, reason, o.now(), "")
	o.leave(i)
}

// parkInDoubt leaves a message to a person that nobody can say more of.
func (o *outbox) parkInDoubt(i int) {
	m := o.Outbox[i]
	o.desk.parkMessage(m, wire.ParkedInDoubt, "nobody can say whether a message was sent")
	o.giveUp(i, sms.StatusUnknown, "in doubt after "+strconv.Itoa(m.Attempts+1)+" attempt(s)")
}

// send makes one attempt. The server does not repeat it: each try is decided here, in
// a task that has seen all events.
func (o *outbox) send(m *wire.Message) {
	d := m.Delivery
	if d.Began.IsZero() {
		d.Began = o.now()
	}
	attempt := m.Attempts
	if d.Doubt {
		attempt++
	}
	m.Status, d.NextTry, d.Why, d.DoubtUntil = sms.StatusSending, time.Time{}, "", time.Time{}
	ctx := o.fly(m, "to ", sending{key: m.Key, attempt: attempt})
	o.launch(flightSend, workflow.ExecuteActivity(ctx, messaging.SendMessage, wire.SendInput{
		Message: sms.Outbound{Key: m.KeyOf(attempt), To: o.Contact, From: o.Sender, Text: m.Text, Reference: m.Reference},
		Until:   m.Useful,
	}), o.onSent)
}

// look asks the carrier whether it has a message that may have been sent before.
func (o *outbox) look(m *wire.Message) {
	d := m.Delivery
	d.NextTry, d.Why, d.DoubtUntil = time.Time{}, "", time.Time{}
	ctx := o.fly(m, "was it sent to ", sending{key: m.Key, attempt: m.Attempts, looks: true})
	search := sms.Search{Keys: m.Keys(), To: o.Contact, Text: m.Text, Since: d.Began, Others: o.transcript.messageIDs()}
	s := o.sending
	o.launch(flightSend, workflow.ExecuteActivity(ctx, messaging.FindMessage, search), func(f workflow.Future) { o.onLooked(s, f) })
}

// fly notes what is in flight, and returns the context for it.
func (o *outbox) fly(m *wire.Message, summary string, s sending) workflow.Context {
	ctx, cancel := workflow.WithCancel(wire.Traced(o.ctx, m.Delivery.Trace))
	s.cancel = cancel
	o.sending = &s
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              o.Settings.SendTaskQueue,
		ScheduleToStartTimeout: nobodyPatience,
		StartToCloseTimeout:    attemptTimeout,
		WaitForCancellation:    true,
		Summary:                summary + o.Contact.Masked(),
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// onSent records how an attempt to send ended.
func (o *outbox) onSent(f workflow.Future) {
	s := o.sending
	s.cancel()
	o.sending = nil
	i := o.find(func(m wire.Message) bool { return m.Key == s.key })
	m := &o.Outbox[i]
	d := m.Delivery

	var accepted sms.Accepted
	err := f.Get(o.ctx, &accepted)
	if err == nil {
		m.Attempts = s.attempt
		o.accept(i, accepted)
		return
	}
	class, code, wait := failure(err)
	switch {
	case m.Status.Settled():
		o.leave(i) // a receipt was faster than the answer
	case class == sms.Ambiguous:
		m.Attempts = s.attempt
		m.Status, m.Reason = sms.StatusUnknown, code
		m.Step(sms.StatusUnknown, code, o.now(), "")
		d.Tries, d.Doubt, d.Look, d.DoubtUntil = 0, true, true, o.now().Add(doubtPatience)
	case class == sms.TooLate:
		o.giveUp(i, sms.StatusExpired, reasonTooLate)
	case temporal.IsCanceledError(err):
		o.giveUp(i, sms.StatusDropped, s.why)
	case class == sms.Refused:
		m.Attempts = s.attempt
		o.desk.raise(wire.CauseRefused, "the carrier refused a message: "+code)
		o.giveUp(i, sms.StatusFailed, code)
	case class == sms.Denied:
		o.desk.parkMessage(*m, wire.ParkedDenied, "the carrier takes no messages from this account: "+code)
		o.giveUp(i, sms.StatusFailed, code)
	default:
		m.Status, m.Reason = sms.StatusQueued, code
		if d.Doubt { // this attempt was not taken; the one before is still in doubt
			m.Status, d.Look = sms.StatusUnknown, true
		}
		o.tryLater(i, code, wait)
	}
}

// onLooked goes on as the carrier's list says.
func (o *outbox) onLooked(s *sending, f workflow.Future) {
	s.cancel()
	if o.sending != s {
		return // what it was about has settled itself
	}
	o.sending = nil
	i := o.find(func(m wire.Message) bool { return m.Key == s.key })
	m := &o.Outbox[i]
	d := m.Delivery

	var finding sms.Finding
	err := f.Get(o.ctx, &finding)
	class, code, wait := failure(err)
	switch {
	case err != nil && class == sms.Ambiguous && d.Tries >= maxLooks:
		o.parkInDoubt(i)
	case err != nil:
		o.tryLater(i, code, wait)
	case finding.Accepted != nil:
		o.accept(i, *finding.Accepted)
	case m.Attempts+1 >= maxAttempts, !finding.Certain && (m.InDoubt == wire.Park || d.Relived):
		d.Doubt = true
		o.parkInDoubt(i)
	default:
		workflow.GetLogger(o.ctx).Info("Sending a text again whose first attempt was not found at the carrier", "key", m.Key, "certain", finding.Certain)
		d.Tries, d.Look, d.Relived = 0, false, false
	}
}

// tryLater waits before the next try, longer each time, unless the carrier has taken
// nothing for a day.
func (o *outbox) tryLater(i int, code string, wait time.Duration) {
	m := &o.Outbox[i]
	d, now := m.Delivery, o.now()
	switch {
	case now.Sub(m.At) <= sendingGivesUp:
	case d.Doubt:
		o.parkInDoubt(i)
		return
	default:
		o.desk.parkMessage(*m, wire.ParkedCarrierAway, "the carrier took nothing for a day: "+code)
		o.giveUp(i, sms.StatusFailed, code)
		return
	}
	if d.Began.IsZero() {
		d.Began = now
	}
	if code == codeNobody || now.Sub(d.Began) >= awayAfter {
		o.desk.raise(wire.CauseCarrierAway, "the carrier takes no messages: "+code)
	}
	if code == codeNobody {
		return // it has been waited for
	}
	pause := min(2*time.Second<<min(d.Tries, 10), longestPause)
	d.Tries++
	d.NextTry, d.Why = now.Add(max(pause, min(wait, longestPause))), "the carrier takes no messages: "+code
}

// failure reads what may be concluded from a failed send, the carrier's code, and how
// long it wants to be left alone. What is not understood is a doubt: a worker that
// dies leaves no word.
func failure(err error) (class sms.Doubt, code string, wait time.Duration) {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	code = "UNKNOWN"
	switch {
	case temporal.IsCanceledError(err):
		return sms.NotTaken, "CANCELED", 0
	case errors.As(err, &timeout):
		if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return sms.NotTaken, codeNobody, 0
		}
		return sms.Ambiguous, "TIMEOUT", 0
	case errors.As(err, &app):
		_ = app.Details(&code, &wait) // without details the code stays UNKNOWN
		switch app.Type() {
		case wire.SendNotTaken:
			return sms.NotTaken, code, wait
		case wire.SendRefused:
			return sms.Refused, code, 0
		case wire.SendDenied:
			return sms.Denied, code, 0
		case wire.SendTooLate:
			return sms.TooLate, code, 0
		}
	}
	return sms.Ambiguous, code, 0
}

// accept notes that the carrier took a message.
func (o *outbox) accept(i int, a sms.Accepted) {
	m := &o.Outbox[i]
	if a.At.IsZero() {
		a.At = o.now() // the carrier did not say
	}
	m.MessageID, m.Accepted = a.MessageID, a.At
	o.desk.settle(wire.CauseCarrierAway)
	change(m, sms.StatusAccepted, "", a.At)
	o.transcript.takeEarly(m)
	o.leave(i)
}

// leaving reports whether a message has been handed to the carrier and its
// outcome is not known yet.
func (o *outbox) leaving(key string) bool {
	doubtful := func(m wire.Message) bool { return m.Key == key && m.Status == sms.StatusUnknown }
	return o.handing(key) || o.holds(doubtful) || o.held.holds(doubtful)
}

// handing reports whether an errand about a message is in flight.
func (o *outbox) handing(key string) bool { return o.sending != nil && o.sending.key == key }

// attemptOf is the key of the attempt under way, or of the last one.
func (o *outbox) attemptOf(m *wire.Message) string {
	if o.handing(m.Key) {
		return m.KeyOf(o.sending.attempt)
	}
	return m.KeyOf(m.Attempts)
}

// cancel calls an attempt back, and reports whether one is in flight whose outcome has
// to be waited for. A look is left alone: whatever it finds changes nothing.
func (o *outbox) cancel(key, why string) bool {
	if !o.handing(key) {
		return false
	}
	o.sending.why = why
	o.sending.cancel()
	if o.sending.looks {
		o.sending = nil
		return false
	}
	return true
}
