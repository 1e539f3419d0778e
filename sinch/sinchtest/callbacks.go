package sinchtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sinch"
	"parley/sms"
)

// The triggers that matter for two-way SMS.
const (
	TriggerInbound  = "MESSAGE_INBOUND"
	TriggerSubmit   = "MESSAGE_SUBMIT"
	TriggerDelivery = "MESSAGE_DELIVERY"
)

// The pauses between tries of a callback. Sinch documents them for its SMS REST
// API; for the Conversation API it only says "exponential backoff".
const (
	firstRetry = 5 * time.Second
	lastRetry  = 81_920 * time.Second
)

// envelope is the body of a callback: what all have, and one of the rest.
type envelope struct {
	AppID               string              `json:"app_id"`
	AcceptedTime        string              `json:"accepted_time"`
	EventTime           string              `json:"event_time"`
	ProjectID           string              `json:"project_id"`
	Message             *inboundMessage     `json:"message,omitempty"`
	Delivery            *deliveryReport     `json:"message_delivery_report,omitempty"`
	Submit              *submitNotice       `json:"message_submit_notification,omitempty"`
	Contact             *contactNotice      `json:"contact_create_notification,omitempty"`
	Started             *conversationNotice `json:"conversation_start_notification,omitempty"`
	ContactDeleted      *contactNotice      `json:"contact_delete_notification,omitempty"`
	ConversationDeleted *conversationNotice `json:"conversation_delete_notification,omitempty"`
	MessageMetadata     string              `json:"message_metadata"`
	CorrelationID       string              `json:"correlation_id"`
}

type channelIdentity struct {
	Channel  string `json:"channel"`
	Identity string `json:"identity"`
	AppID    string `json:"app_id"`
}

type inboundMessage struct {
	ID              string          `json:"id"`
	Direction       Direction       `json:"direction"`
	ContactMessage  json.RawMessage `json:"contact_message"`
	ChannelIdentity channelIdentity `json:"channel_identity"`
	ConversationID  string          `json:"conversation_id"`
	ContactID       string          `json:"contact_id"`
	Metadata        string          `json:"metadata"`
	AcceptTime      string          `json:"accept_time"`
	SenderID        string          `json:"sender_id"`
	ProcessingMode  Mode            `json:"processing_mode"`
	Injected        bool            `json:"injected"`
}

type deliveryReport struct {
	MessageID       string          `json:"message_id"`
	ConversationID  string          `json:"conversation_id"`
	Status          Status          `json:"status"`
	ChannelIdentity channelIdentity `json:"channel_identity"`
	ContactID       string          `json:"contact_id"`
	Reason          *reason         `json:"reason,omitempty"`
	Metadata        string          `json:"metadata"`
	ProcessingMode  Mode            `json:"processing_mode"`
}

type reason struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	SubCode     string `json:"sub_code"`
	ChannelCode string `json:"channel_code,omitempty"`
}

type submitNotice struct {
	MessageID        string          `json:"message_id"`
	ConversationID   string          `json:"conversation_id"`
	ChannelIdentity  channelIdentity `json:"channel_identity"`
	ContactID        string          `json:"contact_id"`
	SubmittedMessage json.RawMessage `json:"submitted_message"`
	Metadata         string          `json:"metadata"`
	ProcessingMode   Mode            `json:"processing_mode"`
}

type contactNotice struct {
	Contact contactBody `json:"contact"`
}

type conversationNotice struct {
	Conversation conversationBody `json:"conversation"`
}

// timestamp writes a time as Sinch mostly does, in UTC with microseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// bare leaves out the plus sign, as SMS callbacks do.
func bare[T ~string](number T) string { return strings.TrimPrefix(string(number), "+") }

func identityOf(number sms.Number) channelIdentity {
	return channelIdentity{Channel: "SMS", Identity: bare(number)}
}

func (s *Server) envelope(r *record, at time.Time) envelope {
	return envelope{
		AppID: s.opts.AppID, ProjectID: s.opts.ProjectID,
		AcceptedTime: timestamp(r.AcceptedAt), EventTime: timestamp(at),
		MessageMetadata: r.metadata, CorrelationID: r.correlation,
	}
}

func encode(content any) []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // a text with <> & is sent as it is
	if err := encoder.Encode(content); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", content, err)) // what came in as JSON was checked then
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}

// contactMessage is an inbound message as callbacks and the message list have it.
func (r *record) contactMessage() *inboundMessage {
	return &inboundMessage{
		ID: r.ID, Direction: ToApp, ContactMessage: r.content, ChannelIdentity: identityOf(r.Phone),
		ConversationID: r.conversationID, ContactID: r.contactID, Metadata: operatorMetadata,
		AcceptTime: timestamp(r.AcceptedAt), SenderID: bare(r.Sender), ProcessingMode: r.mode,
	}
}

// operatorMetadata is what Sinch says about the network of an inbound SMS.
const operatorMetadata = `{"operator":"310150"}`

func (s *Server) inboundBody(r *record) []byte {
	e := s.envelope(r, r.AcceptedAt)
	e.Message = r.contactMessage()
	return encode(e)
}

func (s *Server) submitBody(r *record, at time.Time) []byte {
	e := s.envelope(r, at)
	e.Submit = &submitNotice{
		MessageID: r.ID, ConversationID: r.conversationID, ChannelIdentity: identityOf(r.Phone),
		ContactID: r.contactID, SubmittedMessage: r.content, Metadata: r.Key, ProcessingMode: r.mode,
	}
	return encode(e)
}

// deliveryBody is a receipt. Two of its fields are alike in name: the report's
// metadata is what the sender gave, and the message_metadata around it comes
// from the channel.
func (s *Server) deliveryBody(r *record, at time.Time) []byte {
	e := s.envelope(r, at)
	e.MessageMetadata = fmt.Sprintf(`{"sms_batch_id":%q}`, r.ID)
	if r.parts > 0 {
		e.MessageMetadata = fmt.Sprintf(`{"number_of_message_parts":%d}`, r.parts)
	}
	e.Delivery = &deliveryReport{
		MessageID: r.ID, ConversationID: r.conversationID, Status: r.Status, ChannelIdentity: identityOf(r.Phone),
		ContactID: r.contactID, Metadata: r.Key, ProcessingMode: r.mode,
	}
	if r.Status == Failed {
		e.Delivery.Reason = &reason{
			Code: r.Reason, Description: r.Description, SubCode: "UNSPECIFIED_SUB_CODE", ChannelCode: r.channelCode,
		}
	}
	return encode(e)
}

// announce tells of the contact and the conversation that CONVERSATION mode
// makes for an unknown number.
func (s *Server) announce(r *record, created made) {
	e := s.envelope(r, r.AcceptedAt)
	e.MessageMetadata = ""
	if created.contact {
		e.Contact = &contactNotice{describeContact(r.contactID, r.Phone)}
		s.callback(r, "CONTACT_CREATE", "", encode(e))
		e.Contact = nil
	}
	if created.conversation {
		e.Started = &conversationNotice{conversationBody{
			ID: r.conversationID, Active: true, ActiveChannel: "SMS", AppID: s.opts.AppID, ContactID: r.contactID,
			LastReceived: nothingReceived, CorrelationID: r.correlation,
		}}
		s.callback(r, "CONVERSATION_START", "", encode(e))
	}
}

// delivery is one callback on its way to one webhook.
type delivery struct {
	record    *record
	index     int // in record.Callbacks
	hook      Webhook
	body      []byte
	delay     time.Duration
	duplicate bool
	dropped   bool
	tried     chan struct{} // closed after the first try, or when there is nothing to wait for
}

// callback sends a body to every webhook that wants it, each on its own, and
// returns a channel that is closed when each was tried once.
func (s *Server) callback(r *record, trigger string, status Status, body []byte) <-chan struct{} {
	s.mu.Lock()
	var deliveries []*delivery
	for _, hook := range s.webhooksFor(r, trigger) {
		d := &delivery{record: r, index: len(r.Callbacks), hook: hook, body: body, tried: make(chan struct{})}
		s.drawFaults(d, trigger)
		r.Callbacks = append(r.Callbacks, Callback{
			Trigger: trigger, Status: status, Target: hook.Target, Done: d.dropped, Dropped: d.dropped,
		})
		if d.dropped {
			continue
		}
		s.stats.Open++
		deliveries = append(deliveries, d)
	}
	s.mu.Unlock()

	tried := make(chan struct{})
	for _, d := range deliveries {
		s.goWork(func() {
			defer s.finished()
			s.deliver(d)
		})
	}
	s.goWork(func() {
		defer close(tried)
		for _, d := range deliveries {
			select {
			case <-d.tried:
			case <-s.ctx.Done():
			}
		}
	})
	if s.ctx.Err() != nil { // closing: goWork may have refused
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return tried
}

// webhooksFor returns whom to call. Sinch documents that a send's callback_url
// takes the place of the webhooks for its receipts. The caller holds the lock.
func (s *Server) webhooksFor(r *record, trigger string) []Webhook {
	if r.callbackURL != "" && trigger == TriggerDelivery {
		return []Webhook{{Target: r.callbackURL, Secret: s.opts.CallbackURLSecret}}
	}
	var hooks []Webhook
	for _, hook := range s.webhooks {
		if hook.TargetType != targetDismiss && slices.Contains(hook.Triggers, trigger) {
			hooks = append(hooks, hook)
		}
	}
	return hooks
}

// drawFaults decides what goes wrong with a callback. The caller holds the lock.
func (s *Server) drawFaults(d *delivery, trigger string) {
	f := &s.faults
	late := time.Duration(cmp.Or(f.Callbacks.DelayFor, Duration(2*time.Second)))
	d.duplicate = s.dice.hit(f.Callbacks.Duplicate)
	if s.dice.hit(f.Callbacks.Delay) {
		d.delay = late
	}
	// A carrier that loses texts cannot be told from a person who did not
	// write, so there would be nothing to test.
	d.dropped = trigger != TriggerInbound && s.dice.hit(f.Callbacks.Drop)
	next, ok := f.take(OnCallback, d.record.Phone)
	if !ok {
		return
	}
	switch next.Fault {
	case FaultDuplicate:
		d.duplicate = true
	case FaultDelay:
		d.delay = cmp.Or(time.Duration(next.For), late)
	case FaultDrop:
		d.dropped = true
	}
}

func (s *Server) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Open--
	s.wake()
}

// deliver tries a callback until it is answered 2xx or refused for good.
func (s *Server) deliver(d *delivery) {
	tried := false
	afterFirstTry := func() {
		if !tried {
			tried = true
			close(d.tried)
		}
	}
	defer afterFirstTry()
	if d.delay > 0 {
		afterFirstTry() // later callbacks overtake this one
		if !s.sleep(d.delay) {
			return
		}
	}

	signedAt, nonce := s.opts.Now(), newID(s.opts.Now())
	for pause := firstRetry; ; pause *= 2 {
		if s.Readings().SignAgain {
			signedAt, nonce = s.opts.Now(), newID(s.opts.Now())
		}
		status, err := s.try(d, signedAt, nonce)
		if s.ctx.Err() != nil {
			return // the try was cut short by Close, and says nothing
		}
		again := err != nil || status == http.StatusTooManyRequests || status >= 500
		s.tried(d, status, err, !again || pause > lastRetry)
		afterFirstTry()
		if !again {
			if d.duplicate && status < 300 {
				status, err = s.try(d, signedAt, nonce)
				s.tried(d, status, err, true)
			}
			return
		}
		if pause > lastRetry || !s.sleep(time.Duration(float64(pause)*s.opts.RetryScale)) {
			return
		}
	}
}

// try is one HTTP request to a webhook.
func (s *Server) try(d *delivery, signedAt time.Time, nonce string) (status int, err error) {
	if err := s.limiter.Wait(s.ctx); err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, d.hook.Target, bytes.NewReader(d.body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "parley-simulator")
	if d.hook.Secret != "" {
		at := strconv.FormatInt(signedAt.Unix(), 10)
		request.Header.Set(sinch.HeaderSignature, sinch.Sign(d.hook.Secret, d.body, nonce, at))
		request.Header.Set(sinch.HeaderTimestamp, at)
		request.Header.Set(sinch.HeaderNonce, nonce)
		request.Header.Set(sinch.HeaderAlgorithm, sinch.Algorithm)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	return response.StatusCode, nil
}

// tried notes how a webhook answered.
func (s *Server) tried(d *delivery, status int, err error, done bool) {
	answer := strconv.Itoa(status)
	if err != nil {
		answer = "error"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now().UTC()
	s.stats.CallbackTries++
	s.stats.CallbackAnswers[answer]++
	r := d.record
	c := &r.Callbacks[d.index]
	c.Attempts++
	c.Done = c.Done || done
	c.LastAnswer = answer
	if err != nil {
		c.LastAnswer = err.Error()
	}
	if err == nil && status/100 == 2 && c.AnsweredAt == nil {
		c.AnsweredAt = &now
	}
	if done && c.AnsweredAt == nil {
		s.log.Warn("a webhook did not take a callback", "trigger", c.Trigger, "message", r.ID, "answer", c.LastAnswer)
	} else {
		s.log.Debug("callback", "trigger", c.Trigger, "message", r.ID, "answer", c.LastAnswer)
	}
	if c.Trigger == TriggerInbound {
		s.acknowledge(r, now)
	}
	s.note(change{message: r})
}

// acknowledge works out what the webhooks made of a text. The caller holds the lock.
func (s *Server) acknowledge(r *record, now time.Time) {
	r.Attempts = 0
	open, lost := 0, 0
	for _, c := range r.Callbacks {
		if c.Trigger != TriggerInbound {
			continue
		}
		r.Attempts += c.Attempts
		switch {
		case c.AnsweredAt != nil:
		case c.Done:
			lost++
		default:
			open++
		}
	}
	switch {
	case r.AcknowledgedAt != nil || open > 0:
	case lost > 0:
		r.Status, r.StatusAt = Lost, now
	default:
		s.acks++
		s.stats.Acknowledged++
		r.Status, r.StatusAt, r.AcknowledgedAt, r.AcknowledgedOrder = Acknowledged, now, &now, s.acks
	}
}
