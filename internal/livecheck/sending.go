package livecheck

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"parley/sinch"
)

// sent is a text of ours that Sinch has taken.
type sent struct {
	id        string
	key       string
	reference string
	words     string
	accepted  time.Time
	from      time.Time // when the call began
	until     time.Time // when its answer was there
	evidence  string
}

// request is the body of a send.
type request struct {
	AppID     string `json:"app_id"`
	Recipient struct {
		IdentifiedBy struct {
			ChannelIdentities []identity `json:"channel_identities"`
		} `json:"identified_by"`
	} `json:"recipient"`
	Message struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text_message"`
	} `json:"message"`
	ChannelProperties map[string]string `json:"channel_properties,omitempty"`
	MessageMetadata   string            `json:"message_metadata"`
	CorrelationID     string            `json:"correlation_id,omitempty"`
	ChannelOrder      []string          `json:"channel_priority_order,omitempty"`
}

// send hands Sinch a text to the phone over that channel. It is not tried again:
// each try costs.
func (r *Run) send(ctx context.Context, channel, words, reference string) (sent, error) {
	s := sent{key: key(), reference: reference, words: words}
	var body request
	body.AppID = r.check.Sinch.AppID
	body.Recipient.IdentifiedBy.ChannelIdentities = []identity{{Channel: channel, Identity: string(r.check.To)}}
	body.Message.Text.Text = words
	body.MessageMetadata, body.CorrelationID = s.key, reference
	if channel != "SMS" {
		body.ChannelOrder = []string{channel}
	} else if sender := r.check.Sinch.Sender; sender != "" {
		body.ChannelProperties = map[string]string{"SMS_SENDER": string(sender)}
	}
	answered, err := r.client.Call(ctx, http.MethodPost, "/messages:send", body, string(r.check.To), digits(r.check.To), words)
	r.watch.mu.Lock()
	wire := r.watch.sent
	s.from, s.until = r.watch.sentFrom, r.watch.sentUntil
	r.watch.mu.Unlock()
	if wire.Call != "" {
		s.evidence = r.keep(wire)
	}
	if err != nil {
		return s, err
	}
	var taken struct {
		ID       string `json:"message_id"`
		Accepted string `json:"accepted_time"`
	}
	if err := json.Unmarshal(answered, &taken); err != nil || taken.ID == "" {
		return s, &sinch.Error{Code: "unreadable answer", Detail: "Sinch answered without a message id"}
	}
	s.id = taken.ID
	if at, ok := moment(taken.Accepted); ok {
		s.accepted = at
		r.watch.accepted(s)
	}
	return s, nil
}

// receipts are those of a text of ours so far, without repetitions.
func (r *Run) receipts(s sent) []arrival {
	seen := map[string]bool{}
	return r.inbox.find(0, func(a arrival) bool {
		receipt := a.callback.receipt()
		if receipt == nil || receipt.Metadata != s.key && (s.id == "" || receipt.MessageID != s.id) || seen[string(a.body)] {
			return false
		}
		seen[string(a.body)] = true
		return true
	})
}

// outcome waits for the last receipt of a text.
func (r *Run) outcome(ctx context.Context, s sent) (last arrival, ended bool) {
	r.wait(ctx, "Nothing to do: the receipts of the text are on their way", r.check.Waits.Receipt, func() bool {
		for _, a := range r.receipts(s) {
			if a.callback.final() {
				last, ended = a, true
			}
		}
		return ended
	})
	return last, ended
}

// key is an id of this check's for one thing.
func key() string { return "live-check-" + strings.ToLower(rand.Text()[:10]) }
