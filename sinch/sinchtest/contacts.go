package sinchtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"parley/sms"
)

// The bounds that Sinch documents for a page of contacts or conversations.
const largestPage = 20

// A contact is somebody whom CONVERSATION mode knows, with one phone.
type contact struct {
	id      string
	phone   sms.Number
	deleted bool
}

// A dialogue is what Sinch calls a conversation: of the app and a contact.
type dialogue struct {
	id        string
	contactID string
	phone     sms.Number
	deleted   bool
}

// contactBody is a contact as the API and the callbacks have it.
type contactBody struct {
	ID                string            `json:"id"`
	ChannelIdentities []channelIdentity `json:"channel_identities"`
	ChannelPriority   []string          `json:"channel_priority"`
	DisplayName       string            `json:"display_name"`
	Email             string            `json:"email"`
	ExternalID        string            `json:"external_id"`
	Metadata          string            `json:"metadata"`
	Language          string            `json:"language"`
}

func (s *Server) describeContact(id string, phone sms.Number) contactBody {
	return contactBody{
		ID: id, ChannelIdentities: []channelIdentity{s.Readings().identity(phone)}, ChannelPriority: []string{"SMS"},
		DisplayName: s.Readings().number(phone), Language: "UNSPECIFIED",
	}
}

// conversationBody is a conversation as the API and the callbacks have it.
type conversationBody struct {
	ID            string `json:"id"`
	Active        bool   `json:"active"`
	ActiveChannel string `json:"active_channel"`
	AppID         string `json:"app_id"`
	ContactID     string `json:"contact_id"`
	LastReceived  string `json:"last_received"`
	Metadata      string `json:"metadata"`
	CorrelationID string `json:"correlation_id"`
}

// nothingReceived is when Sinch says that a new conversation received something last.
const nothingReceived = "1970-01-01T00:00:00Z"

// describe tells of a conversation what Sinch does. The caller holds the lock.
func (s *Server) describe(d *dialogue) conversationBody {
	body := conversationBody{
		ID: d.id, AppID: s.opts.AppID, ContactID: d.contactID, ActiveChannel: "SMS", LastReceived: nothingReceived,
	}
	p := s.phones[d.phone]
	if body.Active = p.conversationID == d.id; body.Active {
		body.Metadata, body.CorrelationID = p.conversationMetadata, p.correlation
	}
	for _, r := range p.messages {
		if r.conversationID == d.id && r.Direction == ToApp {
			body.LastReceived = timestamp(r.AcceptedAt)
		}
	}
	return body
}

// made says what CONVERSATION mode made for a message.
type made struct{ contact, conversation bool }

// contact gives the phone the ids that CONVERSATION mode keeps. The caller holds
// the lock.
func (s *Server) contact(p *phone, mode Mode) (contactID, conversationID string, created made) {
	if mode == Dispatch {
		return "", "", made{}
	}
	now := s.opts.Now()
	if p.contactID == "" {
		p.contactID, created.contact = newID(now), true
		s.contacts = append(s.contacts, &contact{id: p.contactID, phone: p.number})
	}
	if p.conversationID == "" {
		p.conversationID, created.conversation = newID(now), true
		s.dialogues = append(s.dialogues, &dialogue{id: p.conversationID, contactID: p.contactID, phone: p.number})
	}
	return p.contactID, p.conversationID, created
}

// page is what the request asks for of a list, in the order of its creation.
func page[T any](all []T, query url.Values, fits func(T) bool) (found []T, next string, refusal *apiError) {
	size, from := defaultPage, 0
	if value := query.Get("page_size"); value != "" {
		asked, err := strconv.Atoi(value)
		if err != nil || asked < 0 || asked > largestPage {
			return nil, "", invalid("page_size must lie between 1 and %d.", largestPage)
		}
		if asked > 0 {
			size = asked
		}
	}
	if token := query.Get("page_token"); token != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(token)
		position, errNumber := strconv.Atoi(string(decoded))
		if err != nil || errNumber != nil || position < 0 {
			return nil, "", invalid("page_token is not one of ours.")
		}
		from = min(position, len(all))
	}
	for i, item := range all[from:] {
		if !fits(item) {
			continue
		}
		if len(found) == size {
			return found, base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + i))), nil
		}
		found = append(found, item)
	}
	return found, "", nil
}

// listContacts is GET /contacts. Contacts are the project's, not the app's.
func (s *Server) listContacts(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	channel, identity, external := query.Get("channel"), query.Get("identity"), query.Get("external_id")
	switch {
	case external != "" && (channel != "" || identity != ""):
		invalid("external_id cannot be used with channel and identity.").write(w)
		return
	case (channel == "") != (identity == ""):
		invalid("channel and identity must be used together.").write(w)
		return
	case channel != "" && !slices.Contains(channels, channel):
		invalid("channel: there is no value %q.", channel).write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, next, refusal := page(s.contacts, query, func(c *contact) bool {
		return !c.deleted && external == "" && (channel == "" || channel == "SMS" && s.Readings().finds(c.phone, identity))
	})
	if refusal != nil {
		refusal.write(w)
		return
	}
	contacts := []contactBody{}
	for _, c := range found {
		contacts = append(contacts, s.describeContact(c.id, c.phone))
	}
	writeJSON(w, http.StatusOK, map[string]any{"contacts": contacts, "next_page_token": next})
}

// contactAt finds the contact in the path. The caller holds the lock.
func (s *Server) contactAt(r *http.Request) *contact {
	for _, c := range s.contacts {
		if c.id == r.PathValue("id") && !c.deleted {
			return c
		}
	}
	return nil
}

func (s *Server) getContact(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contactAt(r)
	if c == nil {
		notFound("Contact not found.").write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.describeContact(c.id, c.phone))
}

// deleteContact takes nothing along: Sinch does not say what becomes of a
// deleted contact's conversations and messages, and whoever counts on their end
// shall be found out.
func (s *Server) deleteContact(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := s.contactAt(r)
	if c == nil {
		s.mu.Unlock()
		notFound("Contact not found.").write(w)
		return
	}
	c.deleted = true
	p := s.phones[c.phone]
	if p.contactID == c.id {
		p.contactID, p.conversationID = "", "" // the next message makes new ones
	}
	about := p.messages[len(p.messages)-1]
	s.mu.Unlock()

	e := s.envelope(about, s.now())
	e.AppID, e.MessageMetadata, e.CorrelationID = "", "", ""
	e.AcceptedTime = e.EventTime
	e.ContactDeleted = &contactNotice{s.describeContact(c.id, c.phone)}
	s.callback(about, notice{trigger: "CONTACT_DELETE", body: encode(e)})
	writeJSON(w, http.StatusOK, struct{}{})
}

// listConversations is GET /conversations, of the app, of a contact, or both.
func (s *Server) listConversations(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	app, contactID := query.Get("app_id"), query.Get("contact_id")
	switch {
	case app == "" && contactID == "":
		invalid("app_id or contact_id is required.").write(w)
		return
	case app != "" && app != s.opts.AppID:
		notFound("App not found.").write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, next, refusal := page(s.dialogues, query, func(d *dialogue) bool {
		return !d.deleted && (contactID == "" || d.contactID == contactID) &&
			(query.Get("only_active") != "true" || s.phones[d.phone].conversationID == d.id)
	})
	if refusal != nil {
		refusal.write(w)
		return
	}
	conversations := []conversationBody{}
	for _, d := range found {
		conversations = append(conversations, s.describe(d))
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"conversations": conversations, "next_page_token": next, "total_size": len(conversations),
	})
}

// dialogueAt finds the conversation in the path. The caller holds the lock.
func (s *Server) dialogueAt(r *http.Request) *dialogue {
	for _, d := range s.dialogues {
		if d.id == r.PathValue("id") && !d.deleted {
			return d
		}
	}
	return nil
}

func (s *Server) getConversation(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dialogueAt(r)
	if d == nil {
		notFound("Conversation not found.").write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.describe(d))
}

// deleteConversation deletes its messages too, as Sinch documents.
func (s *Server) deleteConversation(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.dialogueAt(r)
	if d == nil {
		s.mu.Unlock()
		notFound("Conversation not found.").write(w)
		return
	}
	gone := s.describe(d)
	d.deleted = true
	p := s.phones[d.phone]
	if p.conversationID == d.id {
		p.conversationID, p.correlation, p.conversationMetadata = "", "", ""
	}
	for _, m := range p.messages {
		m.deleted = m.deleted || m.conversationID == d.id
	}
	about := p.messages[len(p.messages)-1]
	s.mu.Unlock()

	e := s.envelope(about, s.now())
	e.MessageMetadata, e.CorrelationID = "", ""
	e.AcceptedTime = e.EventTime
	e.ConversationDeleted = &conversationNotice{gone}
	s.callback(about, notice{trigger: "CONVERSATION_DELETE", body: encode(e)})
	writeJSON(w, http.StatusOK, struct{}{})
}

// deleteMessage takes a message out of the list. The phone still has it.
func (s *Server) deleteMessage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, refusal := s.messageAt(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	record.deleted = true
	writeJSON(w, http.StatusOK, struct{}{})
}
