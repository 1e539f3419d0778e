package sinchtest

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"parley/sms"
	"parley/sms/numbers"
)

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

// Content is what a phone can send: exactly one of the fields.
type Content struct {
	Text     *string   `json:"text,omitempty"`
	Media    *Media    `json:"media,omitempty"`
	Location *Location `json:"location,omitempty"`
}

// Media is a picture or the like, by its address, with or without words below it.
type Media struct {
	URL     string `json:"url"`
	Caption string `json:"caption,omitempty"`
}

// Location is a place.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Title     string  `json:"title,omitempty"`
	Label     string  `json:"label,omitempty"`
}

var errNotOurs = errors.New("that is not one of our numbers; see \"senders\" in GET /phones")

// post accepts what a phone sends, and calls the webhooks. If it arrives as
// several messages, the first is returned.
func (s *Server) post(from sms.Number, to sms.Sender, content Content) (Message, error) {
	pieces, err := content.pieces(s.Readings())
	if err != nil {
		return Message{}, err
	}
	if to != "" {
		if to = numbers.ParseSender(string(to)); !slices.Contains(s.opts.Senders, to) {
			return Message{}, errNotOurs
		}
	}
	var messages []Message
	for _, piece := range pieces {
		messages = append(messages, s.arrive(from, to, piece))
	}
	return messages[0], nil
}

// arrive takes one message from a phone.
func (s *Server) arrive(from sms.Number, to sms.Sender, piece piece) Message {
	s.mu.Lock()
	p := s.phone(from)
	p.texts = cmp.Or(to, p.texts)
	r := s.inboundRecord(p, piece)
	if s.overheard(p, r) {
		defer s.mu.Unlock()
		return r.snapshot()
	}
	r.AcceptedAt = r.AcceptedAt.Add(s.misdated(from))
	r.Order = len(s.inbound) + 1
	var created made
	r.contactID, r.conversationID, created = s.contact(p, r.mode)
	if s.keeps(r.mode) {
		r.correlation, r.metadata = p.correlation, p.conversationMetadata
	}
	s.inbound = append(s.inbound, r)
	s.stats.Inbound++
	s.remember(r)
	m := r.snapshot()
	s.mu.Unlock()

	s.log.Info("text from a phone", "from", from.Masked(), "message", m.ID, "kind", m.Kind, "segments", m.Segments)
	s.announce(r, created)
	s.callback(r, notice{trigger: TriggerInbound, body: s.inboundBody(r)})
	return m
}

// inboundRecord is a message from a phone, that the phone itself has from now
// on. The caller holds the lock.
func (s *Server) inboundRecord(p *phone, piece piece) *record {
	cost := sms.SegmentsOf(piece.text)
	now := s.opts.Now().UTC().Truncate(time.Microsecond) // as precise as Sinch tells it
	r := &record{
		Message: Message{
			ID: newID(now), Direction: ToApp, Phone: p.number, Sender: p.texts, Kind: piece.kind, Text: piece.text,
			Status: Sent, At: now, AcceptedAt: s.told(now), StatusAt: now, Encoding: cost.Encoding, Segments: cost.Count,
		},
		mode: s.opts.Mode, content: encode(piece.raw), visibleAt: now.Add(time.Duration(s.Readings().ListLag)),
	}
	s.show(p, r)
	return r
}

// show gives a phone a message. The caller holds the lock.
func (s *Server) show(p *phone, r *record) {
	p.messages = append(p.messages, r)
	s.byID[r.ID] = r
	s.note(change{message: r})
}

// remember files a message where Sinch keeps it. The caller holds the lock.
func (s *Server) remember(r *record) {
	if s.keeps(r.mode) {
		s.stored = append(s.stored, r)
	}
}

// keeps reports whether messages are stored at all: not in DISPATCH mode
// without retention, as Sinch documents.
func (s *Server) keeps(mode Mode) bool {
	return mode == Conversation || s.opts.DispatchRetentionDays > 0
}
