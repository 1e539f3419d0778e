package sinchtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sms"
)

// A Direction says which way a message goes, in Sinch's words.
type Direction string

// To the app is from a phone to us; to the contact is from us to a phone.
const (
	ToApp     Direction = "TO_APP"
	ToContact Direction = "TO_CONTACT"
)

// A Status is what has become of a message so far.
type Status string

// Messages to a contact are accepted first; messages to the app are sent first.
const (
	Accepted        Status = "ACCEPTED"
	QueuedOnChannel Status = "QUEUED_ON_CHANNEL"
	Delivered       Status = "DELIVERED"
	Failed          Status = "FAILED"

	Sent         Status = "SENT"
	Acknowledged Status = "ACKNOWLEDGED" // every webhook answered 2xx
	Lost         Status = "LOST"         // a webhook refused it for good, or was tried to the end
)

// A Message is what one phone sent or received.
type Message struct {
	ID        string     `json:"message_id"`
	Direction Direction  `json:"direction"`
	Phone     sms.Number `json:"phone"`
	Sender    sms.Sender `json:"sender"` // our number
	Kind      sms.Kind   `json:"kind"`
	Text      string     `json:"text"` // the words, or a short rendering of what is not text

	Key           string `json:"key,omitempty"` // the send's message_metadata
	CorrelationID string `json:"correlation_id,omitempty"`

	Status      Status    `json:"status"`
	Reason      string    `json:"reason,omitempty"` // of FAILED: Sinch's code
	Description string    `json:"description,omitempty"`
	At          time.Time `json:"at"`          // when it was sent or accepted, by our clock
	AcceptedAt  time.Time `json:"accepted_at"` // the same, as Sinch tells it
	StatusAt    time.Time `json:"status_at"`   // by our clock

	Encoding sms.Encoding `json:"encoding"`
	Segments int          `json:"segments"` // billed parts

	// Order counts accepted sends, and apart from them inbound messages, from 1.
	Order int `json:"order"`
	// For messages to the app: what the webhooks made of the callback.
	Attempts          int        `json:"attempts"`                     // tries in all
	AcknowledgedAt    *time.Time `json:"acknowledged_at,omitempty"`    // the last webhook's 2xx
	AcknowledgedOrder int        `json:"acknowledged_order,omitempty"` // among all inbound messages, from 1

	Callbacks []Callback `json:"callbacks,omitempty"`
}

// A Callback is one callback of a message to one webhook.
type Callback struct {
	Trigger    string     `json:"trigger"`
	Status     Status     `json:"status,omitempty"` // of MESSAGE_DELIVERY
	Target     string     `json:"target"`
	Attempts   int        `json:"attempts"`
	LastAnswer string     `json:"last_answer,omitempty"` // HTTP status, or what went wrong
	Done       bool       `json:"done"`                  // no more tries
	AnsweredAt *time.Time `json:"answered_at,omitempty"` // when it was answered 2xx
	Dropped    bool       `json:"dropped,omitempty"`     // a fault kept it from being sent
	Stray      bool       `json:"stray,omitempty"`       // a fault added it to the right ones
	Tries      []Try      `json:"tries,omitempty"`       // the latest ones
}

// keptTries is how many tries of a callback are remembered.
const keptTries = 20

// A Try is one HTTP request of a callback.
type Try struct {
	At     time.Time `json:"at"`               // when it began
	Status int       `json:"status,omitempty"` // of the answer; 0: there was none
	Error  string    `json:"error,omitempty"`  // why there was none
	Signed bool      `json:"signed,omitempty"`
}

// record is a Message with what only Sinch knows about it.
type record struct {
	Message
	mode           Mode
	contactID      string
	conversationID string
	correlation    string          // echoed in callbacks
	metadata       string          // the top-level message_metadata of callbacks
	content        json.RawMessage // app_message or contact_message
	callbackURL    string
	visibleAt      time.Time // in the message list
	deleted        bool      // from it
	expiresAt      time.Time // zero: never
	channelCode    string
	parts          int // of SMS_MAX_NUMBER_OF_MESSAGE_PARTS
}

// snapshot is the message as it is now. The caller holds the lock.
func (r *record) snapshot() Message {
	m := r.Message
	m.Callbacks = slices.Clone(r.Callbacks)
	return m
}

type phone struct {
	number         sms.Number
	messages       []*record
	contactID      string
	conversationID string
	texts          sms.Sender // our number that it last had to do with

	// What the last send to this contact said; it comes back with the next
	// message from it.
	correlation, conversationMetadata string
}

// phone returns the phone with that number, and makes it if there is none. The
// caller holds the lock.
func (s *Server) phone(number sms.Number) *phone {
	p := s.phones[number]
	if p == nil {
		p = &phone{number: number, texts: s.opts.Senders[0]}
		s.phones[number] = p
		s.order = append(s.order, number)
		s.note(change{phone: number})
	}
	return p
}

// A Phone is one phone's view of a Server.
type Phone struct {
	s      *Server
	number sms.Number
}

// Phone returns the phone with that number, which need not have been heard of.
// It panics on what is no number, a mistake in a test.
func (s *Server) Phone(number sms.Number) Phone { return Phone{s, mustNumber(number)} }

// AddPhone makes the phone visible before it has sent or received anything.
func (s *Server) AddPhone(number sms.Number) Phone {
	p := s.Phone(number)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phone(p.number)
	return p
}

// Number returns the phone's number.
func (p Phone) Number() sms.Number { return p.number }

// Text writes to our default number, or to the one that texted this phone last.
func (p Phone) Text(text string) (id string) {
	return p.s.Text(p.number, "", text)
}

// Messages returns what the phone sent and received, in order.
func (p Phone) Messages() []Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	known := p.s.phones[p.number]
	if known == nil {
		return nil
	}
	return snapshots(known.messages)
}

func snapshots(records []*record) []Message {
	messages := make([]Message, len(records))
	for i, r := range records {
		messages[i] = r.snapshot()
	}
	return messages
}

// Message returns the message with that id.
func (s *Server) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byID[id]
	if r == nil {
		return Message{}, false
	}
	return r.snapshot(), true
}

// Sent returns all accepted sends in the order of their acceptance.
func (s *Server) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshots(s.sent)
}

// Inbound returns all messages from phones in the order of their acceptance.
func (s *Server) Inbound() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshots(s.inbound)
}

// Phones returns the numbers of all phones, in order of appearance.
func (s *Server) Phones() []sms.Number {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Text sends a text from a phone to one of our numbers, or with an empty to
// to the one that texted this phone last, and returns its message id. It
// returns at once: see [Server.WaitAcknowledged]. It panics on numbers that are
// none, or not ours: mistakes in a test.
func (s *Server) Text(from sms.Number, to sms.Sender, text string) (id string) {
	return s.Post(from, to, Content{Text: &text})
}

// Post is Text for any kind of content.
func (s *Server) Post(from sms.Number, to sms.Sender, content Content) (id string) {
	m, err := s.post(mustNumber(from), to, content)
	if err != nil {
		panic("sinchtest: " + err.Error())
	}
	return m.ID
}

func mustNumber(number sms.Number) sms.Number {
	parsed, err := sms.ParseNumber(string(number))
	if err != nil {
		panic("sinchtest: " + err.Error())
	}
	return parsed
}

// Content is what a phone can send: exactly one of the fields.
type Content struct {
	Text     *string   `json:"text,omitempty"`
	Media    *Media    `json:"media,omitempty"`
	Location *Location `json:"location,omitempty"`
}

// Media is a picture or the like, by its address.
type Media struct {
	URL string `json:"url"`
}

// Location is a place.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Title     string  `json:"title,omitempty"`
	Label     string  `json:"label,omitempty"`
}

// contactMessage returns the content in Sinch's shape, and as words.
func (c Content) contactMessage() (raw any, kind sms.Kind, text string, err error) {
	given := 0
	if c.Text != nil {
		given++
		kind, text = sms.KindText, *c.Text
		raw = map[string]any{"text_message": map[string]string{"text": text}, "reply_to": nil}
	}
	if c.Media != nil {
		given++
		kind, text = sms.KindMedia, c.Media.URL
		raw = map[string]any{"media_message": map[string]string{
			"url": c.Media.URL, "thumbnail_url": "", "filename_override": "",
		}}
	}
	if c.Location != nil {
		given++
		kind = sms.KindLocation
		text = strings.TrimSpace(fmt.Sprintf("%s %g,%g", c.Location.Title, c.Location.Latitude, c.Location.Longitude))
		raw = map[string]any{"location_message": map[string]any{
			"title": c.Location.Title, "label": c.Location.Label,
			"coordinates": map[string]float64{"latitude": c.Location.Latitude, "longitude": c.Location.Longitude},
		}}
	}
	if given != 1 {
		return nil, "", "", errors.New(`a message has exactly one of "text", "media" and "location"`)
	}
	return raw, kind, text, nil
}

var errNotOurs = errors.New("that is not one of our numbers; see \"senders\" in GET /phones")

// post accepts a message from a phone, and calls the webhooks.
func (s *Server) post(from sms.Number, to sms.Sender, content Content) (Message, error) {
	raw, kind, text, err := content.contactMessage()
	if err != nil {
		return Message{}, err
	}
	if to != "" {
		if to = sms.ParseSender(string(to)); !slices.Contains(s.opts.Senders, to) {
			return Message{}, errNotOurs
		}
	}
	cost := sms.SegmentsOf(text)

	s.mu.Lock()
	p := s.phone(from)
	p.texts = cmp.Or(to, p.texts)
	now := s.opts.Now().UTC().Truncate(time.Microsecond) // as precise as Sinch tells it
	r := &record{
		Message: Message{
			ID: newID(now), Direction: ToApp, Phone: from, Sender: p.texts, Kind: kind, Text: text,
			Status: Sent, At: now, AcceptedAt: now.Add(s.misdated(from)), StatusAt: now, Encoding: cost.Encoding, Segments: cost.Count,
			Order: len(s.inbound) + 1,
		},
		mode: s.opts.Mode, content: encode(raw), visibleAt: now.Add(time.Duration(s.Readings().ListLag)),
	}
	var created made
	r.contactID, r.conversationID, created = s.contact(p, r.mode)
	if s.keeps(r.mode) {
		r.correlation, r.metadata = p.correlation, p.conversationMetadata
	}
	s.inbound = append(s.inbound, r)
	s.stats.Inbound++
	s.remember(p, r)
	m := r.snapshot()
	s.mu.Unlock()

	s.log.Info("text from a phone", "from", from.Masked(), "message", m.ID, "kind", kind, "segments", cost.Count)
	s.announce(r, created)
	s.callback(r, notice{trigger: TriggerInbound, body: s.inboundBody(r)})
	return m, nil
}

// remember files a new message. The caller holds the lock.
func (s *Server) remember(p *phone, r *record) {
	p.messages = append(p.messages, r)
	s.byID[r.ID] = r
	if s.keeps(r.mode) {
		s.stored = append(s.stored, r)
	}
	s.note(change{message: r})
}

// keeps reports whether messages are stored at all: not in DISPATCH mode
// without retention, as Sinch documents.
func (s *Server) keeps(mode Mode) bool {
	return mode == Conversation || s.opts.DispatchRetentionDays > 0
}

// pathNumber reads the number in the path: with a plus sign, escaped or not, or without.
func pathNumber(w http.ResponseWriter, r *http.Request) (sms.Number, bool) {
	number, err := sms.ParseNumber(r.PathValue("number"))
	if err != nil {
		complain(w, err.Error())
		return "", false
	}
	return number, true
}

// A PhoneSummary is one line in the list of phones.
type PhoneSummary struct {
	Number   sms.Number `json:"number"`
	Messages int        `json:"messages"`
	Texts    sms.Sender `json:"texts"` // our number that a text without "to" goes to
	Last     *Message   `json:"last,omitempty"`
}

func (s *Server) summary(p *phone) PhoneSummary {
	summary := PhoneSummary{Number: p.number, Messages: len(p.messages), Texts: p.texts}
	if n := len(p.messages); n > 0 {
		last := p.messages[n-1].snapshot()
		summary.Last = &last
	}
	return summary
}

// listPhones is GET /phones. Its cursor is where GET /events goes on.
func (s *Server) listPhones(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	phones := make([]PhoneSummary, len(s.order))
	for i, number := range s.order {
		phones[i] = s.summary(s.phones[number])
	}
	cursor := s.cursor(s.version)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"phones": phones, "senders": s.opts.Senders, "cursor": cursor,
		"mode": s.opts.Mode, "project_id": s.opts.ProjectID, "app_id": s.opts.AppID,
	})
}

// addPhone is POST /phones {"number": "+15559876543"}.
func (s *Server) addPhone(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Number sms.Number `json:"number"`
	}
	if err := readJSON(w, r, &body); err != nil {
		complain(w, err.Error())
		return
	}
	if body.Number == "" {
		complain(w, sms.ErrNotANumber.Error())
		return
	}
	s.mu.Lock()
	summary := s.summary(s.phone(body.Number))
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, summary)
}

func (s *Server) phoneMessages(w http.ResponseWriter, r *http.Request) {
	number, ok := pathNumber(w, r)
	if !ok {
		return
	}
	messages := s.Phone(number).Messages()
	if messages == nil {
		messages = []Message{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"number": number, "messages": messages})
}

// textFromPhone is POST /phones/{number}/messages.
func (s *Server) textFromPhone(w http.ResponseWriter, r *http.Request) {
	number, ok := pathNumber(w, r)
	if !ok {
		return
	}
	var body struct {
		To sms.Sender `json:"to"`
		Content
	}
	if err := readJSON(w, r, &body); err != nil {
		complain(w, err.Error())
		return
	}
	m, err := s.post(number, body.To, body.Content)
	if err != nil {
		complain(w, err.Error())
		return
	}
	writeJSON(w, http.StatusAccepted, m)
}

// segments is POST /segments {"text": "..."}: what a text costs.
func (s *Server) segments(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Text string `json:"text"`
	}
	if err := readJSON(w, r, &body); err != nil {
		complain(w, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, sms.SegmentsOf(body.Text))
}

// messageLog is GET /log: all accepted sends in order, or with
// ?direction=TO_APP all messages from phones. ?after=N leaves out the first N.
func (s *Server) messageLog(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, err := strconv.Atoi(cmp.Or(query.Get("after"), "0"))
	if err != nil || after < 0 {
		complain(w, "after is the order of the last message you know")
		return
	}
	s.mu.Lock()
	records := s.sent
	if Direction(query.Get("direction")) == ToApp {
		records = s.inbound
	}
	messages := snapshots(records[min(after, len(records)):])
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"messages": messages})
}
