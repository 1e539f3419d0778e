package sinchtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"parley/sms"
)

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
	s.mu.Lock()
	p := s.phone(a.to)
	r := s.sendRecord(a)
	var created made
	r.contactID, r.conversationID, created = s.contact(p, a.mode)
	if slices.Contains(s.opts.Senders, a.sender) {
		p.texts = a.sender // whoever answers this text answers that number
	}
	if s.keeps(a.mode) {
		p.correlation = a.request.CorrelationID
		if len(a.request.ConversationMetadata) > 0 {
			p.conversationMetadata = string(a.request.ConversationMetadata)
		}
	}
	failed := s.onChannel(a, r, plan, p)
	s.sent = append(s.sent, r)
	s.stats.Sent++
	s.stats.Open++
	s.show(p, r)
	s.remember(r)
	s.mu.Unlock()

	s.log.Info("accepted a send", "to", a.to.Masked(), "message", r.ID, "segments", r.Segments)
	s.announce(r, created)
	called := make(chan struct{})
	s.goWork(func() {
		defer close(called)
		defer s.finished()
		select {
		case <-answered:
			s.live(r, failed, plan)
		case <-s.ctx.Done():
		}
	})
	return r, called
}

// sendRecord is an accepted message. The caller holds the lock.
func (s *Server) sendRecord(a accepted) *record {
	cost := sms.SegmentsOf(a.text)
	request := a.request
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
	return r
}

// onChannel is why the channel will not deliver a message; nil: it will. The
// caller holds the lock.
func (s *Server) onChannel(a accepted, r *record, plan plan, p *phone) *failure {
	limit, err := strconv.Atoi(a.request.ChannelProperties["SMS_MAX_NUMBER_OF_MESSAGE_PARTS"])
	if err == nil {
		r.parts = r.Segments
	}
	switch {
	case a.failure != nil:
		return a.failure
	case plan.fail != "":
		return &failure{code: plan.fail, description: "The underlying channel reported: Temporary delivery failure", channelCode: "404"}
	case s.blocks(p, a.sender):
		return notOptedIn
	case err == nil && r.Segments > limit:
		return &failure{code: "CHANNEL_REJECT", description: "The underlying channel reported: Exceeded parts limit", channelCode: "411"}
	}
	return nil
}
