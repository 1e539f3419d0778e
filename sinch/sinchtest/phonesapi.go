package sinchtest

import (
	"cmp"
	"net/http"
	"strconv"

	"parley/sms"
	"parley/sms/numbers"
)

// pathNumber reads the number in the path: with a plus sign, escaped or not, or without.
func pathNumber(w http.ResponseWriter, r *http.Request) (sms.Number, bool) {
	number, err := numbers.Parse(r.PathValue("number"))
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
