package sinchtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
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

// contactMessage is an inbound message as callbacks have it.
func (s *Server) contactMessage(r *record) *inboundMessage {
	readings := s.Readings()
	return &inboundMessage{
		ID: r.ID, Direction: ToApp, ContactMessage: r.content, ChannelIdentity: readings.identity(r.Phone),
		ConversationID: r.conversationID, ContactID: r.contactID, Metadata: operatorMetadata,
		AcceptTime: timestamp(r.AcceptedAt), SenderID: readings.sender(r.Sender), ProcessingMode: r.mode,
	}
}

// operatorMetadata is what Sinch says about the network of an inbound SMS.
const operatorMetadata = `{"operator":"310150"}`

func (s *Server) inboundBody(r *record) []byte {
	e := s.envelope(r, r.AcceptedAt)
	e.Message = s.contactMessage(r)
	return encode(e)
}

// aboutSend is the envelope of what becomes of a send.
func (s *Server) aboutSend(r *record, at time.Time) envelope {
	e := s.envelope(r, at)
	if s.Readings().ReceiptTime == ReceiptTimeOfCallback {
		e.AcceptedTime = e.EventTime
	}
	return e
}

func (s *Server) submitBody(r *record, at time.Time) []byte {
	e := s.aboutSend(r, at)
	e.Submit = &submitNotice{
		MessageID: r.ID, ConversationID: r.conversationID, ChannelIdentity: s.Readings().identity(r.Phone),
		ContactID: r.contactID, SubmittedMessage: r.content, Metadata: r.Key, ProcessingMode: r.mode,
	}
	return encode(e)
}

// receipt is about a message as it is now. Two of its fields are alike in name:
// the report's metadata is what the sender gave, and the message_metadata around
// it comes from the channel.
func (s *Server) receipt(r *record, at time.Time) envelope {
	e := s.aboutSend(r, at)
	e.MessageMetadata = fmt.Sprintf(`{"sms_batch_id":%q}`, r.ID)
	if r.parts > 0 {
		e.MessageMetadata = fmt.Sprintf(`{"number_of_message_parts":%d}`, r.parts)
	}
	e.Delivery = &deliveryReport{
		MessageID: r.ID, ConversationID: r.conversationID, Status: r.Status, ChannelIdentity: s.Readings().identity(r.Phone),
		ContactID: r.contactID, Metadata: r.Key, ProcessingMode: r.mode,
	}
	if r.Status == Failed {
		e.Delivery.Reason = &reason{
			Code: r.Reason, Description: r.Description, SubCode: "UNSPECIFIED_SUB_CODE", ChannelCode: r.channelCode,
		}
	}
	return e
}

// announce tells of the contact and the conversation that CONVERSATION mode
// makes for an unknown number.
func (s *Server) announce(r *record, created made) {
	e := s.envelope(r, r.AcceptedAt)
	e.MessageMetadata = ""
	if created.contact {
		e.Contact = &contactNotice{s.describeContact(r.contactID, r.Phone)}
		s.callback(r, notice{trigger: "CONTACT_CREATE", body: encode(e)})
		e.Contact = nil
	}
	if created.conversation {
		e.Started = &conversationNotice{conversationBody{
			ID: r.conversationID, Active: true, ActiveChannel: "SMS", AppID: s.opts.AppID, ContactID: r.contactID,
			LastReceived: nothingReceived, CorrelationID: r.correlation,
		}}
		s.callback(r, notice{trigger: "CONVERSATION_START", body: encode(e)})
	}
}
