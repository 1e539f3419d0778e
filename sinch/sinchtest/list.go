package sinchtest

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// The bounds that Sinch documents for a page of messages.
const (
	defaultPage = 10
	maxPage     = 1000
)

// listedMessage is a message as GET /messages has it. It has no correlation id,
// and its status is null unless the app pays for keeping it.
type listedMessage struct {
	ID              string          `json:"id"`
	Direction       Direction       `json:"direction"`
	AppMessage      json.RawMessage `json:"app_message,omitempty"`
	ContactMessage  json.RawMessage `json:"contact_message,omitempty"`
	ChannelIdentity channelIdentity `json:"channel_identity"`
	ConversationID  string          `json:"conversation_id"`
	ContactID       string          `json:"contact_id"`
	Metadata        string          `json:"metadata"`
	AcceptTime      string          `json:"accept_time"`
	SenderID        string          `json:"sender_id"`
	ProcessingMode  Mode            `json:"processing_mode"`
	Injected        bool            `json:"injected"`
	MessageStatus   *struct{}       `json:"message_status"`
}

func (s *Server) listed(r *record, withMetadata bool) listedMessage {
	readings := s.Readings()
	m := listedMessage{
		ID: r.ID, Direction: r.Direction, ChannelIdentity: readings.identity(r.Phone),
		ConversationID: r.conversationID, ContactID: r.contactID,
		AcceptTime: timestamp(r.AcceptedAt), SenderID: readings.sender(r.Sender), ProcessingMode: r.mode,
	}
	if r.Direction == ToApp {
		m.ContactMessage, m.Metadata = r.content, operatorMetadata
	} else {
		m.AppMessage = readings.ListWords.content(r.content)
		if !readings.ListHidesMetadata {
			m.Metadata = r.Key
		}
	}
	if !withMetadata {
		m.Metadata = ""
	}
	return m
}

// filter is what a list request asks for.
type filter struct {
	identity                  string
	conversationID, contactID string
	from, until               time.Time
	direction                 Direction
	source                    Mode
	withMetadata              bool
	size                      int
	at                        place
	readings                  Readings
}

// list is GET /messages: newest first, a page at a time.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	f, refusal := s.readFilter(r.URL.Query())
	if refusal != nil {
		refusal.write(w)
		return
	}
	s.mu.Lock()
	messages, next := s.pageOfMessages(f)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"messages": messages, "next_page_token": next})
}

func (f filter) fits(r *record) bool {
	return !r.deleted && r.mode == f.source &&
		(f.identity == "" || f.readings.finds(r.Phone, f.identity)) &&
		(f.conversationID == "" || f.conversationID == r.conversationID) &&
		(f.contactID == "" || f.contactID == r.contactID) &&
		(f.direction == "" || f.direction == r.Direction) &&
		(f.from.IsZero() || !r.AcceptedAt.Before(f.from)) &&
		(f.until.IsZero() || !r.AcceptedAt.After(f.until))
}

func (s *Server) readFilter(query url.Values) (filter, *apiError) {
	f := filter{size: defaultPage, source: Conversation, withMetadata: true, at: place{before: math.MaxInt}, readings: s.Readings()}
	if app := query.Get("app_id"); app != "" && app != s.opts.AppID {
		return f, notFound("App not found.")
	}
	if channel := query.Get("channel"); channel != "" && !slices.Contains(channels, channel) {
		return f, invalid("channel: there is no value %q.", channel)
	} else if channel != "" && channel != "SMS" {
		f.at.before = 0 // our app has no such messages
	}
	if identity := query.Get("channel_identity"); identity != "" {
		f.identity = identity
	}
	switch source := query.Get("messages_source"); source {
	case "", "CONVERSATION_SOURCE":
	case "DISPATCH_SOURCE":
		f.source = Dispatch
	default:
		return f, invalid("messages_source: there is no value %q.", source)
	}
	f.conversationID, f.contactID = query.Get("conversation_id"), query.Get("contact_id")
	if f.source == Dispatch && (f.conversationID != "" || f.contactID != "") {
		return f, invalid("conversation_id and contact_id are for CONVERSATION_SOURCE only.")
	}
	if originated := query.Get("only_recipient_originated"); originated == "true" && f.source == Conversation {
		return f, invalid("only_recipient_originated is for DISPATCH_SOURCE only.")
	} else if originated == "true" {
		f.direction = ToApp
	}
	switch direction := Direction(query.Get("direction")); direction {
	case "", "UNDEFINED_DIRECTION":
	case ToApp, ToContact:
		f.direction = direction
	default:
		return f, invalid("direction: there is no value %q.", direction)
	}
	switch view := query.Get("view"); view {
	case "", "WITH_METADATA":
	case "WITHOUT_METADATA":
		f.withMetadata = false
	default:
		return f, invalid("view: there is no value %q.", view)
	}
	for name, into := range map[string]*time.Time{"start_time": &f.from, "end_time": &f.until} {
		if value := query.Get(name); value != "" {
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return f, invalid("%s is not a time of RFC 3339.", name)
			}
			*into = at
		}
	}
	if value := query.Get("page_size"); value != "" {
		size, err := strconv.Atoi(value)
		if err != nil || size < 0 || size > maxPage {
			return f, invalid("page_size must lie between 1 and %d.", maxPage)
		}
		if size > 0 {
			f.size = size
		}
	}
	if token := query.Get("page_token"); token != "" {
		at, ok := parsePlace(token)
		if !ok {
			return f, invalid("page_token is not one of ours.")
		}
		at.before = min(f.at.before, at.before)
		f.at = at
	}
	return f, nil
}

// message is GET /messages/{id}.
func (s *Server) message(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, refusal := s.messageAt(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.listed(record, true))
}

// messageAt finds the message in the path, in the source that is asked for. The
// caller holds the lock.
func (s *Server) messageAt(r *http.Request) (*record, *apiError) {
	f, refusal := s.readFilter(url.Values{"messages_source": r.URL.Query()["messages_source"]})
	if refusal != nil {
		return nil, refusal
	}
	record := s.byID[r.PathValue("id")]
	if record == nil || !s.keeps(record.mode) || !f.fits(record) || record.visibleAt.After(s.opts.Now()) {
		return nil, notFound("Message not found.")
	}
	return record, nil
}
