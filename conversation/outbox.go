package conversation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/sms"
)

// Who may have written a message, besides scripts and people.
const (
	fromContact   = "contact"
	fromResponder = "responder"
	fromParley    = "parley" // about consent
)

const maxAttempts = 3 // to send one message anew after a doubt

// sending is the one attempt to send that is in flight.
type sending struct {
	key    string
	future workflow.Future
	cancel workflow.CancelFunc
}

// enqueue gives a message its key and its place in the outbox.
func (c *conversation) enqueue(m Message) string {
	s := c.state
	s.LastKey++
	m.Key = s.FirstRunID + "-" + strconv.Itoa(s.LastKey)
	m.Sender, m.Kind, m.Status, m.At = s.Sender, sms.KindText, sms.StatusQueued, c.now()
	m.Delivery = &outstanding{}
	s.Outbox = append(s.Outbox, m)
	c.touch()
	return m.Key
}

// refusal says why a text cannot be sent to this contact, or is empty.
func (c *conversation) refusal(text string) string {
	switch {
	case c.state.OptedOut != nil:
		return reasonOptedOut
	case strings.TrimSpace(text) == "":
		return "the text is empty"
	case sms.SegmentsOf(text).Count > maxTextSegments:
		return fmt.Sprintf("the text is longer than %d segments", maxTextSegments)
	}
	return ""
}

// refusalOf says why a message of an application or a person cannot be taken.
func (c *conversation) refusalOf(r SendRequest) string {
	switch {
	case len(c.state.Outbox) >= maxOutbox:
		return fmt.Sprintf("%d messages wait to be sent already", maxOutbox)
	case len(r.Reference) > maxIDBytes || len(r.By) > maxIDBytes:
		return fmt.Sprintf("the reference, or the name of who sends it, is longer than %d bytes", maxIDBytes)
	case r.InDoubt != "" && r.InDoubt != Resend && r.InDoubt != Park:
		return `"in_doubt" is neither "resend" nor "park"`
	}
	return c.refusal(r.Text)
}

// Why a message was dropped.
const (
	reasonOptedOut  = "the contact opted out"
	reasonTakenBack = "its question was withdrawn"
)

// TypeRefused is the type of the application error that the update ends with
// when a conversation does not take a message.
const TypeRefused = "MessageRefused"

func (c *conversation) validateSendUpdate(ctx workflow.Context, r SendRequest) error {
	if _, known := c.requested(workflow.GetCurrentUpdateInfo(ctx).ID); known {
		return nil
	}
	if why := c.refusalOf(r); why != "" {
		return temporal.NewApplicationError(why, TypeRefused)
	}
	return nil
}

// onSendUpdate is the synchronous way in: the caller gets the message's key.
func (c *conversation) onSendUpdate(ctx workflow.Context, r SendRequest) (string, error) {
	key, err := c.request(workflow.GetCurrentUpdateInfo(ctx).ID, r)
	c.wake.SendAsync(true)
	return key, err
}

// onSend is the queued form of the same.
func (c *conversation) onSend(e Envelope, r SendRequest) error {
	_, err := c.request(strings.TrimPrefix(e.ID, "send:"), r)
	return err
}

func (c *conversation) requested(id string) (string, bool) {
	i := slices.IndexFunc(c.state.Requests, func(r Request) bool { return r.ID == id })
	if i < 0 {
		return "", false
	}
	return c.state.Requests[i].Key, true
}

func (c *conversation) request(id string, r SendRequest) (string, error) {
	if key, known := c.requested(id); known {
		return key, nil
	}
	if why := c.refusalOf(r); why != "" {
		return "", temporal.NewApplicationError(why, TypeRefused)
	}
	by := r.By
	if by == "" {
		by = "application"
	}
	key := c.enqueue(Message{From: by, Text: r.Text, Reference: r.Reference, Useful: r.UsefulUntil, InDoubt: r.InDoubt})
	s := c.state
	if len(s.Requests) >= maxSeen {
		s.Requests = s.Requests[1:]
		s.Evicted++
	}
	s.Requests = append(s.Requests, Request{ID: id, Key: key, At: c.now()})
	return key, nil
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

// leave moves a message from the outbox to the transcript, and lets go of what
// waited for that.
func (c *conversation) leave(i int) {
	s := c.state
	m := s.Outbox[i]
	m.Delivery = nil
	s.Outbox = slices.Delete(s.Outbox, i, i+1)
	c.record(m)
	if s.Turn != nil && s.Turn.ReplyKey == m.Key {
		s.Turn.ReplyKey = ""
		c.endTurn()
	}
	c.questionLeft(m)
}

// forward moves a message's status, never back.
func (c *conversation) forward(m *Message, status sms.Status, reason string, at time.Time) bool {
	if !m.Status.Before(status) {
		return false
	}
	m.Status, m.Reason, m.StatusAt = status, reason, at
	return true
}

// onReceipt notes what became of a message: one in the transcript, one that is
// still in flight or in doubt, or one whose acceptance has not been told yet.
func (c *conversation) onReceipt(_ Envelope, r sms.Receipt) error {
	if r.MessageID == "" {
		return errors.New("receipt without a message id")
	}
	s := c.state
	key, _, _ := strings.Cut(r.Key, ".")
	ours := func(m Message) bool { return m.Key != "" && (m.Key == key || m.MessageID == r.MessageID) }
	if i := slices.IndexFunc(s.Transcript, ours); i >= 0 {
		m := &s.Transcript[i]
		if m.MessageID != "" && m.MessageID != r.MessageID {
			return nil // of an earlier attempt of the same message
		}
		if c.forward(m, r.Status, r.Reason, r.At) {
			m.Carrier = r.ConversationID
			c.questionReported(m)
		}
		return nil
	}
	if i := slices.IndexFunc(s.Outbox, ours); i >= 0 {
		m := &s.Outbox[i]
		m.MessageID, m.Accepted, m.Carrier = r.MessageID, r.AcceptedAt, r.ConversationID
		c.forward(m, r.Status, r.Reason, r.At)
		if c.sending == nil || c.sending.key != m.Key {
			c.leave(i)
		}
		return nil
	}
	if len(s.EarlyReceipts) >= maxEarlyReceipts {
		s.EarlyReceipts = s.EarlyReceipts[1:]
		s.Evicted++
	}
	s.EarlyReceipts = append(s.EarlyReceipts, r)
	return nil
}

// dropOutbox takes back what has not left. An attempt on the wire reports its
// true outcome; one in back-off ends at once.
func (c *conversation) dropOutbox() {
	for i, m := range slices.Backward(c.state.Outbox) {
		if c.sending != nil && c.sending.key == m.Key {
			c.sending.cancel()
			continue
		}
		if m.Status == sms.StatusQueued {
			c.conclude(i, sms.StatusDropped, reasonOptedOut)
		}
	}
}

// leaving reports whether a message has been handed to the carrier and its
// outcome is not known yet.
func (c *conversation) leaving(key string) bool {
	if c.sending != nil && c.sending.key == key {
		return true
	}
	return slices.ContainsFunc(c.state.Outbox, func(m Message) bool { return m.Key == key && m.Status == sms.StatusUnknown })
}

// record adds a message to the transcript and keeps that within its bounds.
func (c *conversation) record(m Message) {
	s := c.state
	s.Transcript = append(s.Transcript, m)
	size := 0
	for i, m := range slices.Backward(s.Transcript) {
		size += len(m.Text)
		if len(s.Transcript)-i > maxTranscript || size > maxTranscriptBytes {
			s.Evicted += i + 1
			s.Transcript = slices.Clone(s.Transcript[i+1:])
			return
		}
	}
}
