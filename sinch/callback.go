package sinch

import (
	"fmt"
	"slices"
	"strings"

	"parley/sms"
	"parley/sms/numbers"
)

// Callback is what Sinch told us with one request to the webhook. At most one of
// Inbound and Receipt is set; if neither is, Unused says why.
type Callback struct {
	AppID     string
	ProjectID string
	Trigger   string       // the trigger this kind is registered under, such as MESSAGE_INBOUND; empty if the kind is unknown
	Inbound   *sms.Inbound // a message from a contact
	Receipt   *sms.Receipt // news of a message of ours
	Tracked   bool         // that message was sent with a reference, whether or not the receipt names it
	Unused    string       // one of the Unused constants
}

// Why a callback has nothing for us. The words are few and hold no data, so that
// they can label a metric.
const (
	UnusedTrigger   = "trigger"   // a kind of callback that we do not use, or do not know
	UnusedDirection = "direction" // a message, but not from a contact to us
	UnusedInjected  = "injected"  // a message that was put in through the API: the contact never sent it
	UnusedChannel   = "channel"   // neither SMS nor MMS
	UnusedID        = "id"        // without the message id by which duplicates are told
	UnusedSender    = "sender"    // from no phone number: a short code, a name
	UnusedRecipient = "recipient" // a receipt that does not say which phone number it is about
	UnusedStatus    = "status"    // a receipt with a status that is no news to us, or unknown
)

// triggers tells callbacks apart: there is no field that names the kind, only
// the one top-level key that is there. Ours come first, should there ever be two.
var triggers = []struct{ key, trigger string }{
	{"message", "MESSAGE_INBOUND"},
	{"message_delivery_report", "MESSAGE_DELIVERY"},
	{"message_submit_notification", "MESSAGE_SUBMIT"},
	{"message_redaction", "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION"},
	{"event", "EVENT_INBOUND"},
	{"event_delivery_report", "EVENT_DELIVERY"},
	{"conversation_start_notification", "CONVERSATION_START"},
	{"conversation_stop_notification", "CONVERSATION_STOP"},
	{"conversation_delete_notification", "CONVERSATION_DELETE"},
	{"contact_create_notification", "CONTACT_CREATE"},
	{"contact_delete_notification", "CONTACT_DELETE"},
	{"contact_merge_notification", "CONTACT_MERGE"},
	{"contact_update_notification", "CONTACT_UPDATE"},
	{"duplicated_contact_identities_notification", "CONTACT_IDENTITIES_DUPLICATION"},
	{"capability_notification", "CAPABILITY"},
	{"opt_in_notification", "OPT_IN"},
	{"opt_out_notification", "OPT_OUT"},
	{"channel_event_notification", "CHANNEL_EVENT"},
	{"smart_conversation_notification", "SMART_CONVERSATIONS"},
	{"record_notification", "RECORD_NOTIFICATION"},
	{"batch_status_update_notification", "BATCH_STATUS_UPDATE"},
	{"unsupported_callback", "UNSUPPORTED"},
}

// ParseCallback reads the body of a callback. It fails only if the body is not a
// JSON object: everything else that we cannot use is said in Unused, because it
// will be no better when Sinch sends it again.
func ParseCallback(body []byte) (Callback, error) {
	envelope, err := parseObject(body)
	if err != nil {
		return Callback{}, fmt.Errorf("reading a callback: %w", err)
	}
	c := Callback{AppID: envelope.text("app_id"), ProjectID: envelope.text("project_id")}
	for _, t := range triggers {
		if envelope.has(t.key) {
			c.Trigger = t.trigger
			break
		}
	}
	switch c.Trigger {
	case "MESSAGE_INBOUND":
		c.Inbound, c.Unused = inbound(envelope, envelope.object("message"))
	case "MESSAGE_DELIVERY":
		report := envelope.object("message_delivery_report")
		c.Receipt, c.Tracked, c.Unused = receipt(envelope, report, deliveryStatus[report.text("status")])
	case "MESSAGE_SUBMIT":
		c.Receipt, c.Tracked, c.Unused = receipt(envelope, envelope.object("message_submit_notification"), sms.StatusAccepted)
	default:
		// A redaction ends here too: it repeats a message that we had already.
		c.Unused = UnusedTrigger
	}
	return c, nil
}

// inbound reads a message from a contact. A message without a direction counts as
// one to us, since MESSAGE_INBOUND means just that, unless it carries the content
// of a message of ours. A message without any time has a zero AcceptedAt.
func inbound(envelope, message object) (*sms.Inbound, string) {
	ours := message.has("app_message") && !message.has("contact_message")
	if direction := message.text("direction"); (direction != "" || ours) && direction != "TO_APP" {
		return nil, UnusedDirection
	}
	if message.flag("injected") {
		return nil, UnusedInjected
	}
	identity := message.object("channel_identity")
	if !carriesTexts(identity) {
		return nil, UnusedChannel
	}
	id := message.text("id")
	if !usable(id, 200) {
		return nil, UnusedID
	}
	from, err := numbers.Parse(identity.text("identity"))
	if err != nil {
		return nil, UnusedSender
	}
	accepted := message.time("accept_time")
	for _, key := range []string{"accepted_time", "event_time"} {
		if accepted.IsZero() {
			accepted = envelope.time(key)
		}
	}
	kind, text := content(message.object("contact_message"))
	return &sms.Inbound{
		ID:             id,
		From:           from,
		To:             textedSender(message.text("sender_id")),
		Kind:           kind,
		Text:           text,
		ConversationID: message.text("conversation_id"),
		Reference:      envelope.text("correlation_id"),
		AcceptedAt:     accepted,
	}, ""
}

// usable reports whether an id can be part of Temporal's ids: printable ASCII
// of some length.
func usable(id string, most int) bool {
	return id != "" && len(id) <= most && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// textedSender is which of our addresses was texted. What can be none counts as
// not said: the text is not lost for it.
func textedSender(id string) sms.Sender {
	if sender := numbers.ParseSender(id); usable(string(sender), 20) && !strings.Contains(string(sender), ":") {
		return sender
	}
	return ""
}

// carriesTexts is true for SMS and for MMS, as which a phone sends a picture, or
// a long text, to the same number. No channel named means SMS.
func carriesTexts(identity object) bool {
	channel := identity.text("channel")
	return channel == "" || channel == "SMS" || channel == "MMS"
}

// deliveryStatus translates the statuses that are news. QUEUED says less than the
// answer to our send did, and SWITCHING_CHANNEL is followed by the real outcome.
var deliveryStatus = map[string]sms.Status{
	"QUEUED_ON_CHANNEL": sms.StatusOnChannel,
	"DELIVERED":         sms.StatusDelivered,
	"READ":              sms.StatusRead,
	"FAILED":            sms.StatusFailed,
}

// receipt reads a delivery report or a submit notification, which differ in their
// status only. The metadata inside the report is the one that we sent along; the
// top-level message_metadata of a receipt is the channel's.
func receipt(envelope, report object, status sms.Status) (r *sms.Receipt, tracked bool, unused string) {
	identity := report.object("channel_identity")
	if !carriesTexts(identity) {
		return nil, false, UnusedChannel
	}
	id := report.text("message_id")
	if !usable(id, 200) {
		return nil, false, UnusedID
	}
	if status == "" {
		return nil, false, UnusedStatus
	}
	to, err := numbers.Parse(identity.text("identity"))
	if err != nil {
		return nil, false, UnusedRecipient
	}
	r = &sms.Receipt{
		MessageID:      id,
		Reference:      envelope.text("correlation_id"),
		To:             to,
		ConversationID: report.text("conversation_id"),
		Status:         status,
		AcceptedAt:     envelope.time("accepted_time"),
		At:             envelope.time("event_time"),
	}
	r.Key, r.From, tracked = parseMetadata(report.text("metadata"))
	if r.At.IsZero() {
		r.At = r.AcceptedAt
	}
	if status == sms.StatusFailed { // a reason beside another status explains nothing
		r.Reason, r.Description = reason(report.object("reason"))
		r.Class = reasons[r.Reason]
	}
	return r, tracked, ""
}

// reasons are the codes that Sinch documents, and whether what they name may
// pass by itself. Sinch does not say which do: the transient ones are those that
// speak of a moment, of a network that is busy or a phone that is off.
var reasons = map[string]sms.Class{
	"RATE_LIMITED": sms.Transient, "CHANNEL_FAILURE": sms.Transient, "INTERNAL_ERROR": sms.Transient,
	"DELIVERY_TIMED_OUT": sms.Transient, "RECIPIENT_NOT_REACHABLE": sms.Transient,

	// No report in time is not a text that did not arrive: some networks never report.
	"DELIVERY_REPORT_TIME_OUT": sms.Permanent,

	"UNKNOWN": sms.Permanent, "RECIPIENT_INVALID_CHANNEL_IDENTITY": sms.Permanent, "RECIPIENT_NOT_OPTED_IN": sms.Permanent,
	"OUTSIDE_ALLOWED_SENDING_WINDOW": sms.Permanent, "CHANNEL_BAD_CONFIGURATION": sms.Permanent, "CHANNEL_CONFIGURATION_MISSING": sms.Permanent,
	"MEDIA_TYPE_UNSUPPORTED": sms.Permanent, "MEDIA_TOO_LARGE": sms.Permanent, "MEDIA_NOT_REACHABLE": sms.Permanent, "NO_CHANNELS_LEFT": sms.Permanent,
	"TEMPLATE_NOT_FOUND": sms.Permanent, "TEMPLATE_INSUFFICIENT_PARAMETERS": sms.Permanent, "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION": sms.Permanent,
	"DELIVERY_REJECTED_DUE_TO_POLICY": sms.Permanent, "CONTACT_NOT_FOUND": sms.Permanent, "BAD_REQUEST": sms.Permanent, "UNKNOWN_APP": sms.Permanent,
	"NO_CHANNEL_IDENTITY_FOR_CONTACT": sms.Permanent, "CHANNEL_REJECT": sms.Permanent, "NO_PERMISSION": sms.Permanent, "NO_PROFILE_AVAILABLE": sms.Permanent,
	"UNSUPPORTED_OPERATION": sms.Permanent, "INACTIVE_CREDENTIAL": sms.Permanent, "MESSAGE_EXPIRED": sms.Permanent, "MESSAGE_SPLIT_REQUIRED": sms.Permanent,
}

// reason keeps the network's own code too, where there is one: often it is the
// only thing that says what really went wrong.
func reason(o object) (code, description string) {
	code, description = o.text("code"), o.text("description")
	if channelCode := o.text("channel_code"); channelCode != "" {
		description = strings.TrimSpace(description + " (channel code " + channelCode + ")")
	}
	return code, description
}

// content says what a message consists of, and gives its words or a short
// rendering of what is no words.
func content(message object) (sms.Kind, string) {
	if message.has("text_message") {
		return sms.KindText, message.object("text_message").text("text")
	}
	kind, rendering := rendered(message)
	return kind, shortened(rendering)
}

func rendered(message object) (sms.Kind, string) {
	switch {
	case message.has("media_message"):
		return sms.KindMedia, message.object("media_message").text("url")
	case message.has("media_card_message"):
		card := message.object("media_card_message")
		return sms.KindMedia, join(" ", card.text("caption"), card.text("url"))
	case message.has("location_message"):
		return sms.KindLocation, location(message.object("location_message"))
	case message.has("choice_response_message"):
		return sms.KindChoice, message.object("choice_response_message").text("postback_data")
	case message.has("fallback_message"):
		return sms.KindFallback, message.object("fallback_message").text("raw_message")
	}
	// What it is called tells a person where to look for it.
	var names []string
	for name := range message {
		if name != "reply_to" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return sms.KindOther, join(" ", names...)
}

// location renders as "Title: latitude,longitude", which maps understand.
func location(o object) string {
	title := o.text("title")
	if title == "" {
		title = o.text("label")
	}
	at := o.object("coordinates")
	return join(": ", title, join(",", at.decimal("latitude"), at.decimal("longitude")))
}

func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}

// longestRendering is in runes: room for a long URL, but not for a payload.
const longestRendering = 2000

func shortened(s string) string {
	if runes := []rune(s); len(runes) > longestRendering {
		return string(runes[:longestRendering-1]) + "…"
	}
	return s
}
