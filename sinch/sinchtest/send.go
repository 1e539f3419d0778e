package sinchtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/sms"
)

// The lengths that Sinch documents for a send, in characters.
const (
	maxMetadata             = 1024
	maxConversationMetadata = 2048
	maxCorrelationID        = 128
	maxChannelProperty      = 1024
	maxChoices              = 10
)

// The bounds that Sinch documents for a ttl.
const (
	minTTLSeconds = 3
	maxTTLSeconds = 315_576_000_000
)

// channels are those that Sinch's API knows; our app has SMS only.
var channels = []string{
	"SMS", "MMS", "RCS", "WHATSAPP", "MESSENGER", "VIBER", "VIBERBM", "INSTAGRAM", "TELEGRAM", "KAKAOTALK",
	"KAKAOTALKCHAT", "LINE", "WECHAT", "APPLEBC",
}

// sendRequest is the body of messages:send, as far as SMS needs it.
type sendRequest struct {
	AppID     string `json:"app_id"`
	Recipient *struct {
		ContactID    string `json:"contact_id"`
		IdentifiedBy *struct {
			ChannelIdentities []struct {
				Channel  string `json:"channel"`
				Identity string `json:"identity"`
			} `json:"channel_identities"`
		} `json:"identified_by"`
	} `json:"recipient"`
	Message                            json.RawMessage   `json:"message"`
	CallbackURL                        string            `json:"callback_url"`
	ChannelPriorityOrder               []string          `json:"channel_priority_order"`
	ChannelProperties                  map[string]string `json:"channel_properties"`
	MessageMetadata                    string            `json:"message_metadata"`
	ConversationMetadata               json.RawMessage   `json:"conversation_metadata"`
	ConversationMetadataUpdateStrategy string            `json:"conversation_metadata_update_strategy"`
	CorrelationID                      string            `json:"correlation_id"`
	Queue                              string            `json:"queue"`
	TTL                                string            `json:"ttl"`
	ProcessingStrategy                 string            `json:"processing_strategy"`
	MessageContentType                 string            `json:"message_content_type"`
}

// accepted is a send that passed the checks before the queue. What failure
// holds is found only behind the queue, and reported as a FAILED receipt.
type accepted struct {
	request sendRequest
	to      sms.Number
	sender  sms.Sender
	mode    Mode
	kind    sms.Kind
	text    string
	ttl     time.Duration // 0: for ever
	failure *failure
}

// failure is why a message cannot be delivered, in Sinch's words.
type failure struct {
	code, description, channelCode string
}

// send is POST messages:send. Sinch documents two stages of checks: the ones
// here answer 400; the channel's own come later, as a receipt.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		invalid("The request body cannot be read.").write(w)
		return
	}
	message, refusal := s.check(r.Header.Get("Content-Type"), body)
	if refusal != nil {
		refusal.write(w)
		return
	}
	plan := s.plan(OnSend, message.to)
	if !plan.before(s, w, r) {
		return
	}

	answered := make(chan struct{})
	record, called := s.accept(message, plan, answered)
	s.taken(r.Context(), record.ID)
	right := plan.answer.Fault == "" && !plan.callbacksFirst
	if !right {
		close(answered) // nobody waits for an answer that comes later, or not at all
	}
	if plan.callbacksFirst {
		select {
		case <-called:
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	}
	plan.after(s, w, r, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{
			"message_id":    record.ID,
			"accepted_time": timestamp(record.AcceptedAt),
		})
	})
	if right {
		_ = http.NewResponseController(w).Flush() // the callbacks come after the answer
		close(answered)
	}
}

// accept takes a message into the books and sets its callbacks going once
// answered is closed. The channel it returns is closed when each of them has
// been tried once.
func (s *Server) accept(a accepted, plan plan, answered <-chan struct{}) (*record, <-chan struct{}) {
	cost := sms.SegmentsOf(a.text)
	request := a.request

	s.mu.Lock()
	p := s.phone(a.to)
	now := s.opts.Now().UTC().Truncate(time.Microsecond) // as precise as Sinch tells it
	r := &record{
		Message: Message{
			ID: newID(now), Direction: ToContact, Phone: a.to, Sender: a.sender, Kind: a.kind, Text: a.text,
			Key: request.MessageMetadata, CorrelationID: request.CorrelationID,
			Status: Accepted, At: now, AcceptedAt: s.told(now), StatusAt: now, Encoding: cost.Encoding, Segments: cost.Count,
			Order: len(s.sent) + 1,
		},
		mode: a.mode, correlation: request.CorrelationID, content: request.Message,
		callbackURL: request.CallbackURL, visibleAt: now.Add(time.Duration(s.Readings().ListLag)),
	}
	if a.ttl > 0 {
		r.expiresAt = now.Add(a.ttl)
	}
	var created made
	r.contactID, r.conversationID, created = s.contact(p, a.mode)
	if slices.Contains(s.opts.Senders, a.sender) {
		p.texts = a.sender // whoever answers this text answers that number
	}
	if s.keeps(a.mode) {
		p.correlation = request.CorrelationID
		if len(request.ConversationMetadata) > 0 {
			p.conversationMetadata = string(request.ConversationMetadata)
		}
	}
	if a.failure == nil && plan.fail != "" {
		a.failure = &failure{code: plan.fail, description: "The underlying channel reported: Temporary delivery failure", channelCode: "404"}
	}
	if a.failure == nil && s.blocks(p, a.sender) {
		a.failure = notOptedIn
	}
	if limit, err := strconv.Atoi(request.ChannelProperties["SMS_MAX_NUMBER_OF_MESSAGE_PARTS"]); err == nil {
		r.parts = cost.Count
		if a.failure == nil && cost.Count > limit {
			a.failure = &failure{code: "CHANNEL_REJECT", description: "The underlying channel reported: Exceeded parts limit", channelCode: "411"}
		}
	}
	s.sent = append(s.sent, r)
	s.stats.Sent++
	s.stats.Open++
	s.show(p, r)
	s.remember(r)
	s.mu.Unlock()

	s.log.Info("accepted a send", "to", a.to.Masked(), "message", r.ID, "segments", cost.Count)
	s.announce(r, created)
	called := make(chan struct{})
	s.goWork(func() {
		defer close(called)
		defer s.finished()
		select {
		case <-answered:
			s.live(r, a.failure, plan)
		case <-s.ctx.Done():
		}
	})
	return r, called
}

var ttlForm = regexp.MustCompile(`^[0-9]+s$`)

// ttl reads what checkLimits has let pass. Sinch takes thousands of years, more
// than a Duration holds.
func ttl(written string) time.Duration {
	seconds, _ := strconv.ParseInt(strings.TrimSuffix(written, "s"), 10, 64)
	return time.Duration(min(seconds, int64(math.MaxInt64/time.Second))) * time.Second
}

// check is the first stage. What it does not know it ignores, as Sinch does.
func (s *Server) check(contentType string, body []byte) (accepted, *apiError) {
	var a accepted
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/json" {
		return a, invalid("Content-Type must be application/json.")
	}
	req := &a.request
	if err := json.Unmarshal(body, req); err != nil {
		return a, invalid("The request body is not what messages:send takes: %v.", err)
	}
	switch {
	case req.AppID == "":
		return a, invalid("app_id is required.")
	case req.AppID != s.opts.AppID:
		return a, notFound("App not found.") // also what Sinch answers in the wrong region
	case req.Recipient == nil:
		return a, invalid("recipient is required.")
	case len(req.Message) == 0 || string(req.Message) == "null":
		return a, invalid("message is required.")
	}
	if refusal := checkLimits(req); refusal != nil {
		return a, refusal
	}

	a.ttl = ttl(req.TTL)
	a.mode = s.opts.Mode
	if req.ProcessingStrategy == "DISPATCH_ONLY" {
		a.mode = Dispatch
	}
	if req.ConversationMetadataUpdateStrategy != "" && a.mode == Dispatch {
		return a, invalid("conversation_metadata_update_strategy is for CONVERSATION mode only.")
	}
	a.sender = s.opts.Senders[0]
	if sender := req.ChannelProperties["SMS_SENDER"]; sender != "" {
		a.sender = sms.ParseSender(sender)
		if !slices.Contains(s.opts.Senders, a.sender) {
			a.failure = &failure{code: "BAD_REQUEST", description: "invalid SMS_SENDER"}
		}
	}
	if refusal := s.checkRecipient(&a); refusal != nil {
		return a, refusal
	}
	var refusal *apiError
	a.kind, a.text, refusal = readAppMessage(req.Message)
	if refusal != nil {
		return a, refusal
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, req.Message); err != nil {
		return a, invalid("message: %v.", err)
	}
	req.Message = compact.Bytes()
	return a, nil
}

func checkLimits(req *sendRequest) *apiError {
	if utf8.RuneCountInString(req.MessageMetadata) > maxMetadata {
		return invalid("message_metadata is longer than %d characters.", maxMetadata)
	}
	if utf8.RuneCountInString(req.CorrelationID) > maxCorrelationID {
		return invalid("correlation_id is longer than %d characters.", maxCorrelationID)
	}
	if string(req.ConversationMetadata) == "null" {
		req.ConversationMetadata = nil
	}
	if len(req.ConversationMetadata) > 0 {
		if req.ConversationMetadata[0] != '{' {
			return invalid("conversation_metadata must be a JSON object.")
		}
		if utf8.RuneCount(req.ConversationMetadata) > maxConversationMetadata {
			return invalid("conversation_metadata is longer than %d characters.", maxConversationMetadata)
		}
	}
	for key, value := range req.ChannelProperties {
		if utf8.RuneCountInString(value) > maxChannelProperty {
			return invalid("channel_properties: %s is longer than %d characters.", key, maxChannelProperty)
		}
	}
	if req.TTL != "" {
		seconds, err := strconv.ParseInt(strings.TrimSuffix(req.TTL, "s"), 10, 64)
		if !ttlForm.MatchString(req.TTL) || err != nil || seconds < minTTLSeconds || seconds > maxTTLSeconds {
			return invalid("ttl must be seconds with the letter s, from %ds to %ds.", minTTLSeconds, maxTTLSeconds)
		}
	}
	if req.CallbackURL != "" {
		target, err := url.Parse(req.CallbackURL)
		if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" || target.RawQuery != "" {
			return invalid("callback_url must be of the form http(s)://host[:port]/path.")
		}
	}
	for _, enum := range []struct {
		field, value string
		known        []string
	}{
		{"queue", req.Queue, []string{"NORMAL_PRIORITY", "HIGH_PRIORITY"}},
		{"processing_strategy", req.ProcessingStrategy, []string{"DEFAULT", "DISPATCH_ONLY"}},
		{"message_content_type", req.MessageContentType, []string{"CONTENT_UNKNOWN", "CONTENT_MARKETING", "CONTENT_NOTIFICATION"}},
		{"conversation_metadata_update_strategy", req.ConversationMetadataUpdateStrategy, []string{"REPLACE", "MERGE_PATCH"}},
	} {
		if enum.value != "" && !slices.Contains(enum.known, enum.value) {
			return invalid("%s: there is no value %q.", enum.field, enum.value)
		}
	}
	return nil
}

// checkRecipient finds the phone. In DISPATCH mode there are no contacts, so
// Sinch takes channel identities only.
func (s *Server) checkRecipient(a *accepted) *apiError {
	recipient := a.request.Recipient
	byIdentity := recipient.IdentifiedBy != nil
	switch {
	case byIdentity && recipient.ContactID != "":
		return invalid("recipient has both contact_id and identified_by.")
	case !byIdentity && recipient.ContactID == "":
		return invalid("recipient needs contact_id or identified_by.")
	case recipient.ContactID != "" && a.mode == Dispatch:
		return invalid("recipient.contact_id cannot be used in DISPATCH mode.")
	case recipient.ContactID != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.phones {
			if p.contactID == recipient.ContactID {
				a.to = p.number
				return nil
			}
		}
		return notFound("Contact not found.")
	}

	identities := recipient.IdentifiedBy.ChannelIdentities
	if len(identities) == 0 {
		return invalid("recipient.identified_by.channel_identities is empty.")
	}
	missing := ""
	for _, channel := range a.request.ChannelPriorityOrder {
		if !slices.Contains(channels, channel) {
			return invalid("channel_priority_order: there is no channel %q.", channel)
		}
		if channel != "SMS" {
			missing = channel
		}
	}
	identity := ""
	for _, i := range identities {
		switch {
		case !slices.Contains(channels, i.Channel):
			return invalid("recipient: there is no channel %q.", i.Channel)
		case i.Identity == "":
			return invalid("recipient: an identity is empty.")
		case i.Channel == "SMS":
			identity = cmp.Or(identity, i.Identity)
		}
	}
	if identity == "" {
		identity, missing = identities[0].Identity, cmp.Or(missing, identities[0].Channel)
	}
	if missing != "" {
		if !s.Readings().ChannelCheckedLate {
			return invalid("The channel %s is not configured in the app.", missing)
		}
		a.failure = &failure{code: "CHANNEL_CONFIGURATION_MISSING", description: "The app has no configuration of channel " + missing}
	}
	return s.checkIdentity(a, identity)
}

// checkIdentity finds the phone by its number.
func (s *Server) checkIdentity(a *accepted, identity string) *apiError {
	digits := bare(identity)
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return invalid("recipient: the SMS identity is not a phone number.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reached, ok := s.reached(identity); ok {
		a.to = reached
		return nil
	}
	number, err := sms.ParseNumber(identity)
	if err != nil {
		// Digits, but no country has such a number: only the channel knows.
		number = sms.Number("+" + digits)
		a.failure = cmp.Or(a.failure, &failure{code: "RECIPIENT_INVALID_CHANNEL_IDENTITY", description: "The recipient is not a valid phone number"})
	}
	a.to = number
	return nil
}

// appMessages are the kinds of content that Sinch documents for a send.
var appMessages = []string{
	"text_message", "media_message", "choice_message", "card_message", "carousel_message", "list_message",
	"location_message", "template_message", "contact_info_message",
}

// besideContent may stand in a message beside its one content.
var besideContent = []string{"explicit_channel_message", "explicit_channel_omni_message", "channel_specific_message", "agent"}

// readAppMessage finds the content and what an SMS shows of it: Sinch turns all
// that SMS does not have into plain text.
func readAppMessage(raw json.RawMessage) (sms.Kind, string, *apiError) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", "", invalid("message must be an object.")
	}
	found := ""
	for name, value := range fields {
		switch {
		case string(value) == "null", slices.Contains(besideContent, name):
		case !slices.Contains(appMessages, name):
			return "", "", invalid("message: there is no content %q.", name)
		case found != "":
			return "", "", invalid("message has more than one content.")
		default:
			found = name
		}
	}
	if found == "" {
		return "", "", invalid("message has no content.")
	}
	var content struct {
		Text        string                                 `json:"text"`
		URL         string                                 `json:"url"`
		Title       string                                 `json:"title"`
		Coordinates *struct{ Latitude, Longitude float64 } `json:"coordinates"`
		TextMessage *struct {
			Text string `json:"text"`
		} `json:"text_message"`
		Choices []struct {
			TextMessage *struct {
				Text string `json:"text"`
			} `json:"text_message"`
			URLMessage *struct{ Title, URL string } `json:"url_message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(fields[found], &content); err != nil {
		return "", "", invalid("message.%s: %v.", found, err)
	}
	switch found {
	case "text_message":
		if content.Text == "" {
			return "", "", invalid("message.text_message.text is required.")
		}
		return sms.KindText, content.Text, nil
	case "media_message":
		if content.URL == "" {
			return "", "", invalid("message.media_message.url is required.")
		}
		return sms.KindMedia, content.URL, nil
	case "location_message":
		if content.Coordinates == nil {
			return "", "", invalid("message.location_message.coordinates is required.")
		}
		place := fmt.Sprintf("%s https://maps.google.com/?q=%g,%g", content.Title, content.Coordinates.Latitude, content.Coordinates.Longitude)
		return sms.KindLocation, strings.TrimSpace(place), nil
	case "choice_message":
		if len(content.Choices) == 0 || len(content.Choices) > maxChoices {
			return "", "", invalid("message.choice_message.choices must hold from 1 to %d choices.", maxChoices)
		}
		var lines []string
		if content.TextMessage != nil {
			lines = append(lines, content.TextMessage.Text)
		}
		for i, choice := range content.Choices {
			switch {
			case choice.TextMessage != nil:
				lines = append(lines, fmt.Sprintf("%d. %s", i+1, choice.TextMessage.Text))
			case choice.URLMessage != nil:
				lines = append(lines, fmt.Sprintf("%d. %s %s", i+1, choice.URLMessage.Title, choice.URLMessage.URL))
			}
		}
		return sms.KindChoice, strings.Join(lines, "\n"), nil
	}
	return sms.KindOther, cmp.Or(content.Title, content.Text, strings.ReplaceAll(found, "_", " ")), nil
}
