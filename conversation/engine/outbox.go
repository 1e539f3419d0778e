package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// enqueue gives a message its key and its place in the outbox.
func (c *conversation) enqueue(m wire.Message) string {
	m = c.draft(m)
	c.state.Outbox = append(c.state.Outbox, m)
	c.touch()
	return m.Key
}

// draft gives a message its key, and all that it has before it is sent.
func (c *conversation) draft(m wire.Message) wire.Message {
	s := c.state
	s.LastKey++
	m.Key = s.FirstRunID + "-" + strconv.Itoa(s.LastKey)
	m.Sender, m.Kind, m.Status, m.At = s.Sender, sms.KindText, sms.StatusQueued, c.now()
	m.Delivery = &wire.Outstanding{Trace: c.trace}
	if c.info.OriginalRunID != "" && c.info.OriginalRunID != c.info.WorkflowExecution.RunID {
		m.Delivery.Relived, m.Delivery.Began = true, c.info.WorkflowStartTime
	}
	return m
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
func (c *conversation) refusalOf(id string, r wire.SendRequest) string {
	switch {
	case len(c.state.Outbox) >= maxOutbox:
		return fmt.Sprintf("%d messages wait to be sent already", maxOutbox)
	case len(r.Reference) > wire.MaxIDBytes || len(r.By) > wire.MaxIDBytes:
		return fmt.Sprintf("the reference or the name of its author is longer than %d bytes", wire.MaxIDBytes)
	case len(id) > wire.MaxIDBytes:
		return fmt.Sprintf("the idempotency key is longer than %d bytes", wire.MaxIDBytes)
	case slices.Contains([]string{wire.FromContact, wire.FromResponder, wire.FromParley}, strings.ToLower(strings.TrimSpace(r.By))):
		return fmt.Sprintf("%q is not a name to send by: in the transcript it would pass for somebody else", r.By)
	case r.InDoubt != "" && r.InDoubt != wire.Resend && r.InDoubt != wire.Park:
		return `"in_doubt" is neither "resend" nor "park"`
	}
	return c.refusal(r.Text)
}

// Why a message was dropped.
const (
	reasonOptedOut  = "the contact opted out"
	reasonTakenBack = "it was taken back"
)

func (c *conversation) validateSendUpdate(ctx workflow.Context, r wire.SendRequest) error {
	id := workflow.GetCurrentUpdateInfo(ctx).ID
	if _, known := c.requested(id); known {
		return nil
	}
	if why := c.refusalOf(id, r); why != "" {
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
	key, err := c.request(workflow.GetCurrentUpdateInfo(ctx).ID, r)
	c.wake.SendAsync(true)
	return key, err
}

// onSend is the queued form of the same.
func (c *conversation) onSend(e wire.Envelope, r wire.SendRequest) error {
	_, err := c.request(strings.TrimPrefix(e.ID, "send:"), r)
	return err
}

func (c *conversation) requested(id string) (string, bool) {
	i := slices.IndexFunc(c.state.Requests, func(r wire.Request) bool { return r.ID == id })
	if i < 0 {
		return "", false
	}
	return c.state.Requests[i].Key, true
}

func (c *conversation) request(id string, r wire.SendRequest) (string, error) {
	if key, known := c.requested(id); known {
		return key, nil
	}
	if why := c.refusalOf(id, r); why != "" {
		return "", temporal.NewApplicationError(why, wire.TypeRefused)
	}
	key := c.enqueue(wire.Message{From: cmp.Or(r.By, wire.FromApplication), Text: r.Text, Reference: r.Reference, Useful: r.UsefulUntil, InDoubt: r.InDoubt})
	s := c.state
	if len(s.Requests) >= maxSeen {
		s.Requests = s.Requests[1:]
		s.Evicted++
	}
	s.Requests = append(s.Requests, wire.Request{ID: id, Key: key, At: c.now()})
	return key, nil
}

// leave moves a message from the outbox to the transcript, and lets go of what
// waited for that.
func (c *conversation) leave(i int) {
	s := c.state
	m := s.Outbox[i]
	m.Delivery = nil
	s.Outbox = slices.Delete(s.Outbox, i, i+1)
	c.record(m)
	c.followUp(m)
	if s.Turn != nil && s.Turn.ReplyKey == m.Key {
		s.Turn.ReplyKey = ""
		if !m.Accepted.IsZero() {
			c.replied(s.Turn.Texts[0].At)
		}
		c.endTurn()
	}
	c.questionLeft(m)
	c.left = true
}

// dropOutbox takes back what has not left. An attempt on the wire reports its
// true outcome; one in back-off ends at once.
func (c *conversation) dropOutbox() {
	for i, m := range slices.Backward(c.state.Outbox) {
		if c.sending != nil && c.sending.key == m.Key {
			c.sending.cancel()
			continue
		}
		c.giveUp(i, sms.StatusDropped, reasonOptedOut)
	}
}

// record adds a message to the transcript and keeps that within its bounds.
func (c *conversation) record(m wire.Message) {
	s := c.state
	c.toArchive(&m)
	s.Transcript = append(s.Transcript, m)
	size := 0
	for i, m := range slices.Backward(s.Transcript) {
		size += len(m.Text)
		if len(s.Transcript)-i > maxTranscript || size > maxTranscriptBytes {
			s.Evicted += i + 1
			for _, gone := range s.Transcript[:i+1] {
				c.evict(gone)
				c.takeAlong(gone)
			}
			s.Transcript = slices.Clone(s.Transcript[i+1:])
			return
		}
	}
}
