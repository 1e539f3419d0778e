package livecheck

import (
	"encoding/json"
	"errors"
	"time"
)

// A callback is the part of a callback's body that is looked at. sinch's own
// reading of it is what is in question here, so this one has Sinch's words.
type callback struct {
	AppID         string   `json:"app_id"`
	AcceptedTime  string   `json:"accepted_time"`
	CorrelationID string   `json:"correlation_id"`
	Message       *inbound `json:"message"`
	Delivery      *report  `json:"message_delivery_report"`
	Submit        *report  `json:"message_submit_notification"`
}

type inbound struct {
	ID       string   `json:"id"`
	Content  content  `json:"contact_message"`
	Identity identity `json:"channel_identity"`
	SenderID string   `json:"sender_id"`
}

type identity struct {
	Channel  string `json:"channel"`
	Identity string `json:"identity"`
}

// content is a message's, of the kinds that a phone sends.
type content struct {
	Text *struct {
		Text string `json:"text"`
	} `json:"text_message"`
	Media *struct {
		URL string `json:"url"`
	} `json:"media_message"`
	Card *struct {
		Caption string `json:"caption"`
	} `json:"media_card_message"`
}

// words are the text of a text, and empty for anything else.
func (c content) words() string {
	if c.Text == nil {
		return ""
	}
	return c.Text.Text
}

type report struct {
	MessageID string   `json:"message_id"`
	Status    string   `json:"status"`
	Metadata  string   `json:"metadata"`
	Identity  identity `json:"channel_identity"`
	Reason    struct {
		Code string `json:"code"`
	} `json:"reason"`
}

// parseCallback reports whether a body is one of the kinds that we registered for.
func parseCallback(body []byte) (callback, bool) {
	var c callback
	err := json.Unmarshal(body, &c)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		err = nil // one field is of another type than expected; the others were read
	}
	return c, err == nil && (c.Message != nil || c.Delivery != nil || c.Submit != nil)
}

func (c callback) identity() identity {
	switch {
	case c.Message != nil:
		return c.Message.Identity
	case c.Delivery != nil:
		return c.Delivery.Identity
	}
	return c.Submit.Identity
}

// receipt is the report of a receipt of either kind.
func (c callback) receipt() *report {
	if c.Delivery != nil {
		return c.Delivery
	}
	return c.Submit
}

// final reports whether it says how a message ended.
func (c callback) final() bool {
	return c.Delivery != nil && (c.Delivery.Status == "DELIVERED" || c.Delivery.Status == "FAILED")
}

// moment reads a time with any number of fraction digits. A missing zone means UTC.
func moment(written string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, written); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
