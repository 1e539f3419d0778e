package engine

import (
	"errors"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

const (
	maxAttempts    = 3                // to send one message again after a doubt
	attemptTimeout = 30 * time.Second // of one attempt; the carrier's client gives up five seconds before

	codeNobody = "NO_WORKER" // takes work of the queue for sending
)

// sending is the one attempt to send that is in flight.
type sending struct {
	key    string
	cancel workflow.CancelFunc
}

// sendNext hands the first message of the outbox to the carrier, if it may
// leave now. There is one at a time, so texts arrive in order.
func (c *conversation) sendNext() {
	s := c.state
	for c.sending == nil && len(s.Outbox) > 0 {
		m, now := &s.Outbox[0], c.now()
		d := m.Delivery
		switch {
		case m.Status.Settled():
			c.leave(0) // a receipt settled it
		case s.OptedOut != nil && !m.Must:
			c.giveUp(0, sms.StatusDropped, reasonOptedOut)
		case d.TakenBack:
			c.giveUp(0, sms.StatusDropped, reasonTakenBack)
		case now.Before(d.DoubtUntil):
			return
		case !m.Useful.IsZero() && !now.Before(m.Useful):
			c.giveUp(0, sms.StatusExpired, "too late to be useful")
		case now.Before(d.NextTry):
			return
		case d.Doubt && m.Attempts+1 >= maxAttempts && now.Sub(m.At) > sendingGivesUp:
			c.parkMessage(*m, wire.ParkedInDoubt, "nobody can say whether a message was sent")
			c.giveUp(0, sms.StatusUnknown, "in doubt after "+strconv.Itoa(maxAttempts)+" attempts")
		default:
			c.send(m)
		}
	}
}

// giveUp ends a message that is not tried any more. If an attempt may have been
// taken, all that can be said is that nobody knows.
func (c *conversation) giveUp(i int, status sms.Status, reason string) {
	if c.state.Outbox[i].Delivery.Doubt {
		status = sms.StatusUnknown
	}
	c.conclude(i, status, reason)
}

func (c *conversation) send(m *wire.Message) {
	d := m.Delivery
	if d.Began.IsZero() {
		d.Began = c.now()
	}
	var look *sms.Search
	if d.Doubt || d.Relived {
		look = &sms.Search{Keys: m.Keys(), To: c.state.Contact, Text: m.Text, Since: d.Began, Others: c.messageIDs()}
	}
	if d.Doubt {
		m.Attempts++
	}
	m.Status, d.NextTry, d.DoubtUntil = sms.StatusSending, time.Time{}, time.Time{}
	heartbeat := time.Duration(0)
	if look != nil { // who looks first is told of a STOP meanwhile; who only sends needs no heartbeat
		heartbeat = attemptTimeout
	}
	ctx, cancel := workflow.WithCancel(wire.Traced(c.ctx, d.Trace))
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              c.state.Settings.SendTaskQueue,
		ScheduleToStartTimeout: seriesPause, // a run must be able to continue as new although nobody sends
		StartToCloseTimeout:    attemptTimeout,
		WaitForCancellation:    true,
		HeartbeatTimeout:       heartbeat,
		Summary:                "to " + c.state.Contact.Masked(),
		// The server repeats only what was certainly not taken; every doubt comes
		// back here. Six tries last up to eight minutes.
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 6,
			NonRetryableErrorTypes: []string{wire.SendAmbiguous, wire.SendRefused, "TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat"},
		},
	})
	c.sending = &sending{key: m.Key, cancel: cancel}
	c.launch(flightSend, workflow.ExecuteActivity(ctx, messaging.SendMessage, wire.SendInput{
		Message: sms.Outbound{Key: m.SendKey(), To: c.state.Contact, From: c.state.Sender, Text: m.Text, Reference: m.Reference},
		Look:    look,
		Until:   m.Useful,
		Park:    m.InDoubt == wire.Park || d.Relived,
		Settle:  m.Attempts >= maxAttempts,
	}), c.onSent)
}

func (c *conversation) messageIDs() []string {
	var ids []string
	for i := range c.state.Transcript {
		if m := &c.state.Transcript[i]; m.Key != "" && m.MessageID != "" {
			ids = append(ids, m.MessageID)
		}
	}
	return ids
}

// onSent records how an attempt to send ended.
func (c *conversation) onSent(f workflow.Future) {
	key := c.sending.key
	c.sending.cancel()
	c.sending = nil
	i := slices.IndexFunc(c.state.Outbox, func(m wire.Message) bool { return m.Key == key })
	m := &c.state.Outbox[i]
	d := m.Delivery

	var accepted sms.Accepted
	err := f.Get(c.ctx, &accepted)
	if err == nil {
		if accepted.Found && m.Attempts > 0 {
			m.Attempts-- // it was only looked for
		}
		c.accept(i, accepted)
		return
	}
	class, code := failure(err)
	if class == sms.Ambiguous && m.Attempts >= maxAttempts {
		class = sms.Unknown // the last look did not settle it either
	}
	switch {
	case m.Status.Settled():
		c.leave(i) // a receipt was faster than the answer
	case class == sms.Ambiguous:
		m.Status, m.Reason = sms.StatusUnknown, code
		m.Step(sms.StatusUnknown, code, c.now(), "")
		d.Doubt, d.DoubtUntil = true, c.now().Add(doubtPatience)
	case class == sms.Unknown:
		m.Attempts = max(0, m.Attempts-1) // it was only looked for
		d.Doubt = true
		c.parkMessage(*m, wire.ParkedInDoubt, "nobody can say whether a message was sent")
		c.giveUp(i, sms.StatusUnknown, "in doubt after "+strconv.Itoa(m.Attempts+1)+" attempt(s)")
	case class == sms.TooLate:
		if d.Doubt {
			m.Attempts = max(0, m.Attempts-1)
		}
		c.giveUp(i, sms.StatusExpired, "too late to be useful")
	case temporal.IsCanceledError(err) && c.state.OptedOut != nil:
		c.giveUp(i, sms.StatusDropped, reasonOptedOut)
	case temporal.IsCanceledError(err):
		c.giveUp(i, sms.StatusDropped, reasonTakenBack)
	case class == sms.Refused:
		c.raise(wire.CauseRefused, "the carrier refused a message: "+code)
		c.giveUp(i, sms.StatusFailed, code)
	case class == sms.Denied:
		c.parkMessage(*m, wire.ParkedDenied, "the carrier takes no messages from this account: "+code)
		c.giveUp(i, sms.StatusFailed, code)
	case c.now().Sub(m.At) > sendingGivesUp:
		c.parkMessage(*m, wire.ParkedCarrierAway, "the carrier took nothing for a day: "+code)
		c.giveUp(i, sms.StatusFailed, code)
	default:
		m.Status, m.Reason = sms.StatusQueued, code
		if d.Doubt { // this attempt was not taken; the one before is still in doubt
			m.Status = sms.StatusUnknown
			m.Attempts--
		}
		if code != codeNobody {
			d.NextTry = c.now().Add(seriesPause)
		}
		c.raise(wire.CauseCarrierAway, "the carrier takes no messages: "+code)
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
		case wire.SendNotTaken:
			return sms.NotTaken, code
		case wire.SendRefused:
			return sms.Refused, code
		case wire.SendDenied:
			return sms.Denied, code
		case wire.SendTooLate:
			return sms.TooLate, code
		case wire.SendUnknown:
			return sms.Unknown, code
		}
	}
	return sms.Ambiguous, code
}

// accept notes that the carrier took a message.
func (c *conversation) accept(i int, a sms.Accepted) {
	m := &c.state.Outbox[i]
	if a.At.IsZero() {
		a.At = c.now() // the carrier did not say
	}
	m.MessageID, m.Accepted = a.MessageID, a.At
	c.state.Settle(wire.CauseCarrierAway)
	c.change(m, sms.StatusAccepted, "", a.At)
	c.state.EarlyReceipts = slices.DeleteFunc(c.state.EarlyReceipts, func(r sms.Receipt) bool {
		if r.MessageID != a.MessageID {
			return false
		}
		c.forward(m, r)
		return true
	})
	c.leave(i)
}

// conclude ends a message that the carrier did not take.
func (c *conversation) conclude(i int, status sms.Status, reason string) {
	m := &c.state.Outbox[i]
	m.Status, m.Reason, m.StatusAt = status, reason, c.now()
	m.Step(status, reason, c.now(), "")
	c.leave(i)
}

// leaving reports whether a message has been handed to the carrier and its
// outcome is not known yet.
func (c *conversation) leaving(key string) bool {
	if c.sending != nil && c.sending.key == key {
		return true
	}
	return slices.ContainsFunc(c.state.Outbox, func(m wire.Message) bool { return m.Key == key && m.Status == sms.StatusUnknown })
}
