package sinchtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/sms"
)

// appMessages are the kinds of content that Sinch documents for a send.
var appMessages = []string{
	"text_message", "media_message", "choice_message", "card_message", "carousel_message", "list_message",
	"location_message", "template_message", "contact_info_message",
}

// besideContent may stand in a message beside its one content.
var besideContent = []string{"explicit_channel_message", "explicit_channel_omni_message", "channel_specific_message", "agent"}

// readAppMessage finds the content and what an SMS shows of it: Sinch turns all
// that SMS does not have into plain text.
func readAppMessage(raw json.RawMessage) (sms.Kind, string, *apiError) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", "", invalid("message must be an object.")
	}
	found := ""
	for name, value := range fields {
		switch {
		case string(value) == "null", slices.Contains(besideContent, name):
		case !slices.Contains(appMessages, name):
			return "", "", invalid("message: there is no content %q.", name)
		case found != "":
			return "", "", invalid("message has more than one content.")
		default:
			found = name
		}
	}
	if found == "" {
		return "", "", invalid("message has no content.")
	}
	var content struct {
		Text        string                                 `json:"text"`
		URL         string                                 `json:"url"`
		Title       string                                 `json:"title"`
		Coordinates *struct{ Latitude, Longitude float64 } `json:"coordinates"`
		TextMessage *struct {
			Text string `json:"text"`
		} `json:"text_message"`
		Choices []struct {
			TextMessage *struct {
				Text string `json:"text"`
			} `json:"text_message"`
			URLMessage *struct{ Title, URL string } `json:"url_message"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(fields[found], &content); err != nil {
		return "", "", invalid("message.%s: %v.", found, err)
	}
	switch found {
	case "text_message":
		if content.Text == "" {
			return "", "", invalid("message.text_message.text is required.")
		}
		return sms.KindText, content.Text, nil
	case "media_message":
		if content.URL == "" {
			return "", "", invalid("message.media_message.url is required.")
		}
		return sms.KindMedia, content.URL, nil
	case "location_message":
		if content.Coordinates == nil {
			return "", "", invalid("message.location_message.coordinates is required.")
		}
		place := fmt.Sprintf("%s https://maps.google.com/?q=%g,%g", content.Title, content.Coordinates.Latitude, content.Coordinates.Longitude)
		return sms.KindLocation, strings.TrimSpace(place), nil
	case "choice_message":
		if len(content.Choices) == 0 || len(content.Choices) > maxChoices {
			return "", "", invalid("message.choice_message.choices must hold from 1 to %d choices.", maxChoices)
		}
		var lines []string
		if content.TextMessage != nil {
			lines = append(lines, content.TextMessage.Text)
		}
		for i, choice := range content.Choices {
			switch {
			case choice.TextMessage != nil:
				lines = append(lines, fmt.Sprintf("%d. %s", i+1, choice.TextMessage.Text))
			case choice.URLMessage != nil:
				lines = append(lines, fmt.Sprintf("%d. %s %s", i+1, choice.URLMessage.Title, choice.URLMessage.URL))
			}
		}
		return sms.KindChoice, strings.Join(lines, "\n"), nil
	}
	return sms.KindOther, cmp.Or(content.Title, content.Text, strings.ReplaceAll(found, "_", " ")), nil
}
