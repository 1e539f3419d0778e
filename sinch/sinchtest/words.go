package sinchtest

import (
	"encoding/json"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// of is what the list makes of a text.
func (w ListWords) of(text string) string {
	switch w {
	case ListWordsTrimmed:
		return strings.TrimSpace(text)
	case ListWordsLF:
		return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	case ListWordsNFC:
		return norm.NFC.String(text)
	}
	return text
}

// content is a message of ours as the list has it. What is not a text stays as it
// was sent.
func (w ListWords) content(sent json.RawMessage) json.RawMessage {
	var message map[string]json.RawMessage
	var content struct {
		Text string `json:"text"`
	}
	if w == "" || json.Unmarshal(sent, &message) != nil || json.Unmarshal(message["text_message"], &content) != nil {
		return sent
	}
	content.Text = w.of(content.Text)
	message["text_message"] = encode(content)
	return encode(message)
}
