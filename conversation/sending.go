package conversation

import (
	"errors"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/sms"
)

const maxAttempts = 3 // to send one message anew after a doubt

// sending is the one attempt to send that is in flight.
type sending struct {
	key    string
	future workflow.Future
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
		case sms.StatusUnknown.Before(m.Status):
			c.leave(0) // a receipt settled it
		case s.OptedOut != nil && !m.Must:
			c.conclude(0, sms.StatusDropped, reasonOptedOut)
		case !m.Useful.IsZero() && !now.Before(m.Useful) && m.Status != sms.StatusUnknown:
			c.conclude(0, sms.StatusExpired, "too late to be useful")
		case now.Before(d.NextTry), now.Before(d.DoubtUntil):
			return
		case m.Status == sms.StatusUnknown && m.Attempts+1 >= maxAttempts:
			c.attend("nobody can say whether a message was sent")
			c.conclude(0, sms.StatusUnknown, "in doubt after "+strconv.Itoa(maxAttempts)+" attempts")
		default:
			c.send(m)
		}
	}
}

func (c *conversation) send(m *Message) {
	d := m.Delivery
	var look *sms.Search
	if m.Status == sms.StatusUnknown || m.Attempts > 0 || c.info.OriginalRunID != "" && c.info.OriginalRunID != c.info.WorkflowExecution.RunID {
		// It may have been taken: after a doubt, also one that could not be looked
		// into, or in the life before a reset.
		since := d.Began
		if since.IsZero() {
			since = m.At
		}
		look = &sms.Search{Keys: m.keys(), To: c.state.Contact, Text: m.Text, Since: since, Others: c.messageIDs()}
	}
	if m.Status == sms.StatusUnknown {
		m.Attempts++
	}
	if d.Began.IsZero() {
		d.Began = c.now()
	}
	m.Status, d.NextTry, d.DoubtUntil = sms.StatusSending, time.Time{}, time.Time{}
	var ttl time.Duration
	if !m.Useful.IsZero() {
		ttl = m.Useful.Sub(c.now())
	}
	ctx, cancel := workflow.WithCancel(c.ctx)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           c.state.Settings.SendTaskQueue,
		StartToCloseTimeout: 30 * time.Second,
		WaitForCancellation: true,
		Summary:             "to " + c.state.Contact.Masked(),
		// The server repeats only what was certainly not taken; every doubt comes
		// back here. Some eight tries last about five minutes.
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute, MaximumAttempts: 8,
			NonRetryableErrorTypes: []string{activities.ErrTypeAmbiguous, activities.ErrTypeRefused, "TemporalTimeout:StartToClose"},
		},
	})
	c.sending = &sending{
		key:    m.Key,
		cancel: cancel,
		future: workflow.ExecuteActivity(ctx, messaging.SendMessage, activities.SendInput{
			Message: sms.Outbound{Key: m.sendKey(), To: c.state.Contact, From: c.state.Sender, Text: m.Text, TTL: ttl},
			Look:    look,
			Park:    m.InDoubt == Park,
		}),
	}
}

// sendKey is the key that goes to the carrier: each attempt after a doubt has
// its own, so that a receipt says which of them arrived.
func (m *Message) sendKey() string {
	if m.Attempts == 0 {
		return m.Key
	}
	return m.Key + "." + strconv.Itoa(m.Attempts+1)
}

func (m *Message) keys() []string {
	keys := []string{m.Key}
	for i := range m.Attempts {
		keys = append(keys, m.Key+"."+strconv.Itoa(i+2))
	}
	return keys
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
	i := slices.IndexFunc(c.state.Outbox, func(m Message) bool { return m.Key == key })
	m := &c.state.Outbox[i]
	d := m.Delivery

	var accepted sms.Accepted
	err := f.Get(c.ctx, &accepted)
	if err == nil {
		c.accept(i, accepted)
		return
	}
	class, code := failure(err)
	switch {
	case sms.StatusUnknown.Before(m.Status):
		c.leave(i) // a receipt was faster than the answer
	case class == sms.Ambiguous:
		m.Status, m.Reason = sms.StatusUnknown, code
		d.DoubtUntil = c.now().Add(doubtPatience)
	case temporal.IsCanceledError(err):
		reason := reasonTakenBack
		if c.state.OptedOut != nil {
			reason = reasonOptedOut
		}
		c.conclude(i, sms.StatusDropped, reason)
	case class == sms.Refused:
		c.attend("the carrier refused a message: " + code)
		c.conclude(i, sms.StatusFailed, code)
	case c.now().Sub(m.At) > sendingGivesUp:
		c.attend("the carrier took nothing for a day: " + code)
		c.conclude(i, sms.StatusFailed, code)
	default:
		m.Status, m.Reason = sms.StatusQueued, code
		d.Tries++
		d.NextTry = c.now().Add(seriesPause)
		c.state.Attention = &Attention{Reason: "the carrier takes no messages: " + code, At: c.now(), UntilSent: true}
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
	case errors.As(err, &app):
		_ = app.Details(&code) // without details the code stays UNKNOWN
		switch app.Type() {
		case activities.ErrTypeNotTaken:
			return sms.NotTaken, code
		case activities.ErrTypeRefused:
			return sms.Refused, code
		}
	case errors.As(err, &timeout):
		code = "TIMEOUT"
		if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return sms.NotTaken, code
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
	m.MessageID, m.Accepted, m.Reason = a.MessageID, a.At, ""
	if c.state.Attention != nil && c.state.Attention.UntilSent {
		c.state.Attention = nil
	}
	c.forward(m, sms.StatusAccepted, "", a.At)
	c.state.EarlyReceipts = slices.DeleteFunc(c.state.EarlyReceipts, func(r sms.Receipt) bool {
		if r.MessageID != a.MessageID {
			return false
		}
		c.forward(m, r.Status, r.Reason, r.At)
		return true
	})
	c.leave(i)
}

// conclude ends a message that the carrier did not take.
func (c *conversation) conclude(i int, status sms.Status, reason string) {
	m := &c.state.Outbox[i]
	m.Status, m.Reason, m.StatusAt = status, reason, c.now()
	c.leave(i)
}

// leaving reports whether a message has been handed to the carrier and its
// outcome is not known yet.
func (c *conversation) leaving(key string) bool {
	if c.sending != nil && c.sending.key == key {
		return true
	}
	return slices.ContainsFunc(c.state.Outbox, func(m Message) bool { return m.Key == key && m.Status == sms.StatusUnknown })
}
