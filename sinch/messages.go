package sinch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/sms"
	"parley/sms/numbers"
)

// A Direction says who wrote a message.
type Direction string

// The two directions, in Sinch's words.
const (
	ToApp     Direction = "TO_APP"     // from a contact to us
	ToContact Direction = "TO_CONTACT" // from us to a contact
)

// A Source says where Sinch keeps messages; an app has one or the other. See
// App.Source.
type Source string

// The two sources, in Sinch's words.
const (
	ConversationSource Source = "CONVERSATION_SOURCE"
	DispatchSource     Source = "DISPATCH_SOURCE"
)

// Query narrows a list of messages. Zero fields narrow nothing.
type Query struct {
	// Recipient is the contact, in either direction. Sinch does not document
	// whether it compares with or without the plus sign; it is sent without, as
	// Sinch stores SMS numbers. Where an empty list would be taken for proof, leave
	// it out and compare Message.Contact.
	Recipient   sms.Number
	Direction   Direction
	Source      Source
	Start, End  time.Time // bounds on AcceptedAt
	PageSize    int       // at most 1000; 0: Sinch's 10
	PageToken   string    // the next of the page before; keep the other fields as they were
	NoMetadata  bool      // a smaller answer, without Key
	AllChannels bool      // not only SMS
}

// Message is a message in Sinch's list.
type Message struct {
	ID         string
	Direction  Direction
	Key        string     // ours, if the list shows it; only ToContact
	Contact    sms.Number // the other side; empty if that is no phone number
	Sender     sms.Sender // our side, if the list or the key shows it; empty may mean the default one
	Text       string     // the words, or a short rendering, as in sms.Inbound
	AcceptedAt time.Time
	Status     sms.Status   // empty unless the app keeps statuses, which few do
	Inbound    *sms.Inbound // of ToApp: what its callback said; nil if that had nothing for us
}

// Messages returns a page of the app's messages, newest first, and the token of
// the next page, which is empty after the last. An empty page proves nothing
// unless App.Source says that Sinch keeps messages at all. Errors are *Error.
func (c *Client) Messages(ctx context.Context, q Query) (page []Message, next string, err error) {
	private := strings.TrimPrefix(string(q.Recipient), "+")
	answer, failure := c.call(ctx, http.MethodGet, "/messages?"+c.query(q).Encode(), nil, private)
	if failure != nil {
		return nil, "", fmt.Errorf("listing messages: %w", failure)
	}
	list, err := parseObject(answer)
	if err != nil {
		return nil, "", fmt.Errorf("listing messages: reading the answer: %w", err)
	}
	for _, o := range list.objects("messages") {
		page = append(page, message(o))
	}
	return page, list.text("next_page_token"), nil
}

func (c *Client) query(q Query) url.Values {
	v := url.Values{"app_id": {c.appID}}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("channel_identity", strings.TrimPrefix(string(q.Recipient), "+"))
	set("direction", string(q.Direction))
	set("messages_source", string(q.Source))
	set("start_time", timestamp(q.Start))
	set("end_time", timestamp(q.End))
	set("page_token", q.PageToken)
	set("view", "WITH_METADATA")
	if q.NoMetadata {
		set("view", "WITHOUT_METADATA")
	}
	if !q.AllChannels {
		set("channel", "SMS")
	}
	if q.PageSize > 0 {
		set("page_size", strconv.Itoa(q.PageSize))
	}
	return v
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func message(o object) Message {
	m := Message{
		ID:         o.text("id"),
		Direction:  Direction(o.text("direction")),
		Sender:     numbers.ParseSender(o.text("sender_id")),
		AcceptedAt: o.time("accept_time"),
		Status:     deliveryStatus[o.object("message_status").text("status")],
	}
	m.Contact, _ = numbers.Parse(o.object("channel_identity").text("identity"))
	if m.Direction != ToContact {
		_, m.Text = content(o.object("contact_message")) // its metadata is the operator's, not ours
		m.Inbound, _ = inbound(nil, o)
		return m
	}
	_, m.Text = content(o.object("app_message"))
	key, sender, _ := parseMetadata(o.text("metadata"))
	m.Key, m.Sender = key, cmp.Or(sender, m.Sender)
	return m
}

// App is how an app is set up at Sinch, as far as it matters here.
type App struct {
	ID                    string
	Name                  string
	ProcessingMode        string // DISPATCH or CONVERSATION
	RetentionDays         int    // how long CONVERSATION keeps messages
	DispatchRetentionDays int    // how long DISPATCH keeps messages; 0: not at all
	Channels              []Channel
}

// Source is where this app's messages are listed; empty means nowhere: Sinch
// does not keep them, so a list can never tell whether a message was taken.
func (a App) Source() Source {
	switch {
	case a.ProcessingMode == "CONVERSATION":
		return ConversationSource
	case a.ProcessingMode == "DISPATCH" && a.DispatchRetentionDays > 0:
		return DispatchSource
	}
	return ""
}

// App asks Sinch how the app is set up. Errors are *Error.
func (c *Client) App(ctx context.Context) (App, error) {
	answer, failure := c.call(ctx, http.MethodGet, "/apps/"+url.PathEscape(c.appID), nil)
	if failure != nil {
		return App{}, fmt.Errorf("reading the app's settings: %w", failure)
	}
	o, err := parseObject(answer)
	if err != nil || o.text("processing_mode") == "" {
		// Not a default: a wrong guess here makes an empty list look like proof.
		return App{}, fmt.Errorf("reading the app's settings: %w", errors.New("the answer names no processing mode"))
	}
	return App{
		ID:                    o.text("id"),
		Name:                  o.text("display_name"),
		ProcessingMode:        o.text("processing_mode"),
		RetentionDays:         int(o.object("retention_policy").number("ttl_days")),
		DispatchRetentionDays: int(o.object("dispatch_retention_policy").number("ttl_days")),
		Channels:              channels(o),
	}, nil
}
