package sinchtest

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/sms/numbers"
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
		a.sender = numbers.ParseSender(sender)
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
