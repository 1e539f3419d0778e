package engine

import (
	"errors"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

const (
	doubtPatience  = 30 * time.Second // for a callback that settles whether a text was taken
	seriesPause    = 5 * time.Minute  // between series of tries to send
	sendingGivesUp = 24 * time.Hour   // with a carrier that takes nothing
	maxAttempts    = 3                // to send one message again after a doubt
	attemptTimeout = 30 * time.Second // of one attempt; the carrier's client gives up five seconds before

	codeNobody = "NO_WORKER" // takes work of the queue for sending
)

// sending is the one attempt to send that is in flight.
type sending struct {
	key    string
	cancel workflow.CancelFunc
}

// advance hands the first message of the outbox to the carrier, if it may
// leave now. There is one at a time, so texts arrive in order.
func (o *outbox) advance() {
	for o.sending == nil && len(o.Outbox) > 0 {
		m, now := &o.Outbox[0], o.now()
		d := m.Delivery
		switch {
		case m.Status.Settled():
			o.leave(0) // a receipt settled it
		case o.consent.out() && !m.Must:
			o.giveUp(0, sms.StatusDropped, reasonOptedOut)
		case d.TakenBack:
			o.giveUp(0, sms.StatusDropped, reasonTakenBack)
		case now.Before(d.DoubtUntil):
			return
		case !m.Useful.IsZero() && !now.Before(m.Useful):
			o.giveUp(0, sms.StatusExpired, "too late to be useful")
		case now.Before(d.NextTry):
			return
		case d.Doubt && m.Attempts+1 >= maxAttempts && now.Sub(m.At) > sendingGivesUp:
			o.desk.parkMessage(*m, wire.ParkedInDoubt, "nobody can say whether a message was sent")
			o.giveUp(0, sms.StatusUnknown, "in doubt after "+strconv.Itoa(maxAttempts)+" attempts")
		default:
			o.send(m)
		}
	}
}

// giveUp ends a message that is not tried any more. If an attempt may have been
// taken, all that can be said is that nobody knows.
func (o *outbox) giveUp(i int, status sms.Status, reason string) {
	if o.Outbox[i].Delivery.Doubt {
		status = sms.StatusUnknown
	}
	o.conclude(i, status, reason)
}

func (o *outbox) send(m *wire.Message) {
	d := m.Delivery
	if d.Began.IsZero() {
		d.Began = o.now()
	}
	var look *sms.Search
	if d.Doubt || d.Relived {
		look = &sms.Search{Keys: m.Keys(), To: o.Contact, Text: m.Text, Since: d.Began, Others: o.transcript.messageIDs()}
	}
	if d.Doubt {
		m.Attempts++
	}
	m.Status, d.NextTry, d.DoubtUntil = sms.StatusSending, time.Time{}, time.Time{}
	heartbeat := time.Duration(0)
	if look != nil { // who looks first is told of a STOP meanwhile; who only sends needs no heartbeat
		heartbeat = attemptTimeout
	}
	ctx, cancel := workflow.WithCancel(wire.Traced(o.ctx, d.Trace))
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              o.Settings.SendTaskQueue,
		ScheduleToStartTimeout: seriesPause, // a run must be able to continue as new although nobody sends
		StartToCloseTimeout:    attemptTimeout,
		WaitForCancellation:    true,
		HeartbeatTimeout:       heartbeat,
		Summary:                "to " + o.Contact.Masked(),
		// The server repeats only what was certainly not taken; every doubt comes
		// back here. Six tries last up to eight minutes.
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 6,
			NonRetryableErrorTypes: []string{activities.ErrTypeAmbiguous, activities.ErrTypeRefused, "TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat"},
		},
	})
	o.sending = &sending{key: m.Key, cancel: cancel}
	o.launch(flightSend, workflow.ExecuteActivity(ctx, messaging.SendMessage, activities.SendInput{
		Message: sms.Outbound{Key: m.SendKey(), To: o.Contact, From: o.Sender, Text: m.Text, Reference: m.Reference},
		Look:    look,
		Until:   m.Useful,
		Park:    m.InDoubt == wire.Park || d.Relived,
		Settle:  m.Attempts >= maxAttempts,
	}), o.onSent)
}

// onSent records how an attempt to send ended.
func (o *outbox) onSent(f workflow.Future) {
	key := o.sending.key
	o.sending.cancel()
	o.sending = nil
	i := o.find(func(m wire.Message) bool { return m.Key == key })
	m := &o.Outbox[i]
	d := m.Delivery

	var accepted sms.Accepted
	err := f.Get(o.ctx, &accepted)
	if err == nil {
		if accepted.Found && m.Attempts > 0 {
			m.Attempts-- // it was only looked for
		}
		o.accept(i, accepted)
		return
	}
	class, code := failure(err)
	if class == sms.Ambiguous && m.Attempts >= maxAttempts {
		class = sms.Unknown // the last look did not settle it either
	}
	switch {
	case m.Status.Settled():
		o.leave(i) // a receipt was faster than the answer
	case class == sms.Ambiguous:
		m.Status, m.Reason = sms.StatusUnknown, code
		m.Step(sms.StatusUnknown, code, o.now(), "")
		d.Doubt, d.DoubtUntil = true, o.now().Add(doubtPatience)
	case class == sms.Unknown:
		m.Attempts = max(0, m.Attempts-1) // it was only looked for
		d.Doubt = true
		o.desk.parkMessage(*m, wire.ParkedInDoubt, "nobody can say whether a message was sent")
		o.giveUp(i, sms.StatusUnknown, "in doubt after "+strconv.Itoa(m.Attempts+1)+" attempt(s)")
	case class == sms.TooLate:
		if d.Doubt {
			m.Attempts = max(0, m.Attempts-1)
		}
		o.giveUp(i, sms.StatusExpired, "too late to be useful")
	case temporal.IsCanceledError(err) && o.consent.out():
		o.giveUp(i, sms.StatusDropped, reasonOptedOut)
	case temporal.IsCanceledError(err):
		o.giveUp(i, sms.StatusDropped, reasonTakenBack)
	case class == sms.Refused:
		o.desk.raise(wire.CauseRefused, "the carrier refused a message: "+code)
		o.giveUp(i, sms.StatusFailed, code)
	case class == sms.Denied:
		o.desk.parkMessage(*m, wire.ParkedDenied, "the carrier takes no messages from this account: "+code)
		o.giveUp(i, sms.StatusFailed, code)
	case o.now().Sub(m.At) > sendingGivesUp:
		o.desk.parkMessage(*m, wire.ParkedCarrierAway, "the carrier took nothing for a day: "+code)
		o.giveUp(i, sms.StatusFailed, code)
	default:
		m.Status, m.Reason = sms.StatusQueued, code
		if d.Doubt { // this attempt was not taken; the one before is still in doubt
			m.Status = sms.StatusUnknown
			m.Attempts--
		}
		if code != codeNobody {
			d.NextTry = o.now().Add(seriesPause)
		}
		o.desk.raise(wire.CauseCarrierAway, "the carrier takes no messages: "+code)
	}
}

// failure reads the class of a failed send. What is not understood is a doubt:
// a worker that dies leaves no word.
func failure(err error) (sms.Doubt, string) {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	code := "UNKNOWN"
	switch {
	case temporal.IsCanceledError(err):
		return sms.NotTaken, "CANCELED"
	case errors.As(err, &timeout):
		// Before the application's errors: the server gives a timeout the failure of
		// an earlier try as its cause, and that says nothing about this one.
		if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return sms.NotTaken, codeNobody
		}
		return sms.Ambiguous, "TIMEOUT"
	case errors.As(err, &app):
		_ = app.Details(&code) // without details the code stays UNKNOWN
		switch app.Type() {
		case activities.ErrTypeNotTaken:
			return sms.NotTaken, code
		case activities.ErrTypeRefused:
			return sms.Refused, code
		case activities.ErrTypeDenied:
			return sms.Denied, code
		case activities.ErrTypeTooLate:
			return sms.TooLate, code
		case activities.ErrTypeUnknown:
			return sms.Unknown, code
		}
	}
	return sms.Ambiguous, code
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

// conclude ends a message that the carrier did not take.
func (o *outbox) conclude(i int, status sms.Status, reason string) {
	m := &o.Outbox[i]
	m.Status, m.Reason, m.StatusAt = status, reason, o.now()
	m.Step(status, reason, o.now(), "")
	o.leave(i)
}

// leaving reports whether a message has been handed to the carrier and its
// outcome is not known yet.
func (o *outbox) leaving(key string) bool {
	return o.handing(key) || o.holds(func(m wire.Message) bool { return m.Key == key && m.Status == sms.StatusUnknown })
}

// handing reports whether an attempt to send a message is in flight.
func (o *outbox) handing(key string) bool { return o.sending != nil && o.sending.key == key }

// cancel has an attempt that is in flight end as soon as it can, and reports
// whether there is one.
func (o *outbox) cancel(key string) bool {
	if o.handing(key) {
		o.sending.cancel()
		return true
	}
	return false
}
