package sinch

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"parley/sms"
)

// Send hands a message to Sinch, which then has it: Accepted is not delivery.
// Its errors are *sms.SendError and say whether sending again is safe, useless
// or a risk. Sinch knows no idempotency key, so Send never repeats what may have
// been taken; the message's key travels with it, and comes back in its receipts
// and in the message list.
//
// Accepted.At is zero if Sinch did not say.
func (c *Client) Send(ctx context.Context, out sms.Outbound) (sms.Accepted, error) {
	answer, failure := c.call(ctx, http.MethodPost, "/messages:send", c.sendRequest(out), out.Text, string(out.To))
	if failure != nil {
		return sms.Accepted{}, failure.sendError()
	}
	o, _ := parseObject(answer)
	accepted := sms.Accepted{MessageID: o.text("message_id"), At: o.time("accepted_time")}
	if accepted.MessageID == "" {
		return sms.Accepted{}, &sms.SendError{
			Doubt: sms.Ambiguous, Code: "unreadable answer", Detail: "Sinch answered without a message id",
		}
	}
	return accepted, nil
}

type sendRequest struct {
	AppID     string `json:"app_id"`
	Recipient struct {
		IdentifiedBy struct {
			ChannelIdentities []channelIdentity `json:"channel_identities"`
		} `json:"identified_by"`
	} `json:"recipient"`
	Message struct {
		TextMessage struct {
			Text string `json:"text"`
		} `json:"text_message"`
	} `json:"message"`
	ChannelProperties map[string]string `json:"channel_properties,omitempty"`
	MessageMetadata   string            `json:"message_metadata,omitempty"`
	CorrelationID     string            `json:"correlation_id,omitempty"`
	TTL               string            `json:"ttl,omitempty"`
}

type channelIdentity struct {
	Channel  string `json:"channel"`
	Identity string `json:"identity"`
}

func (c *Client) sendRequest(out sms.Outbound) sendRequest {
	var r sendRequest
	r.AppID = c.appID
	// By number, not by contact: an app in DISPATCH mode knows no contacts.
	r.Recipient.IdentifiedBy.ChannelIdentities = []channelIdentity{{Channel: "SMS", Identity: string(out.To)}}
	r.Message.TextMessage.Text = out.Text
	r.MessageMetadata = metadata(out, c.sender)
	r.CorrelationID = correlationID(out.Reference)
	r.TTL = ttl(out.TTL)
	from := out.From
	if from == "" {
		from = c.sender
	}
	if from != "" {
		r.ChannelProperties = map[string]string{"SMS_SENDER": string(from)}
	}
	return r
}

// longestCorrelationID is Sinch's bound, in characters. A longer one would be
// refused, and the text with it.
const longestCorrelationID = 128

// correlationID is what Sinch repeats of a reference in the callbacks.
func correlationID(reference string) string {
	characters := 0
	for i := range reference {
		if characters++; characters > longestCorrelationID {
			return reference[:i]
		}
	}
	return reference
}

// ttl rounds down to seconds, since what is too late is useless, but never below
// the three seconds that Sinch demands.
func ttl(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%ds", max(3, int64(d/time.Second)))
}
