package sinchtest

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"parley/sms"
)

// piece is what arrives at Sinch as one message: the content in Sinch's shape, and
// as words.
type piece struct {
	raw  any
	kind sms.Kind
	text string
}

// pieces are what becomes of the content on its way.
func (c Content) pieces(readings Readings) ([]piece, error) {
	var found []piece
	given := 0
	if c.Text != nil {
		given++
		found = textPieces(*c.Text, readings.LongTexts)
	}
	if c.Media != nil {
		given++
		found = c.Media.pieces(readings.Captions)
	}
	if c.Location != nil {
		given++
		found = []piece{c.Location.piece()}
	}
	if given != 1 {
		return nil, errors.New(`a message has exactly one of "text", "media" and "location"`)
	}
	return found, nil
}

func textPieces(text string, reading LongTexts) []piece {
	parts := []string{text}
	if reading == LongTextInParts {
		parts = partsOf(text)
	}
	var found []piece
	for _, part := range parts {
		found = append(found, piece{
			raw:  map[string]any{"text_message": map[string]string{"text": part}, "reply_to": nil},
			kind: sms.KindText, text: part,
		})
	}
	return found
}

// partsOf splits a text as its segments do.
func partsOf(text string) []string {
	cost := sms.SegmentsOf(text)
	if cost.Count <= 1 {
		return []string{text}
	}
	most := 153
	if cost.Encoding == sms.UCS2 {
		most = 67
	}
	var parts []string
	begin, units := 0, 0
	for i, r := range text {
		n := sms.SegmentsOf(string(r)).Units
		if cost.Encoding == sms.UCS2 {
			n = max(1, utf16.RuneLen(r))
		}
		if units += n; units > most {
			parts = append(parts, text[begin:i])
			begin, units = i, n
		}
	}
	return append(parts, text[begin:])
}

func (m Media) pieces(reading Captions) []piece {
	picture := piece{
		raw: map[string]any{"media_message": map[string]string{
			"url": m.URL, "thumbnail_url": "", "filename_override": "",
		}},
		kind: sms.KindMedia, text: m.URL,
	}
	switch {
	case m.Caption == "":
	case reading == CaptionAsText:
		return append([]piece{picture}, textPieces(m.Caption, "")...)
	case reading == CaptionDropped:
	default:
		picture.raw = map[string]any{"media_card_message": map[string]string{"url": m.URL, "caption": m.Caption}}
		picture.text = m.Caption + " " + m.URL
	}
	return []piece{picture}
}

func (l Location) piece() piece {
	return piece{
		raw: map[string]any{"location_message": map[string]any{
			"title": l.Title, "label": l.Label,
			"coordinates": map[string]float64{"latitude": l.Latitude, "longitude": l.Longitude},
		}},
		kind: sms.KindLocation,
		text: strings.TrimSpace(fmt.Sprintf("%s %g,%g", l.Title, l.Latitude, l.Longitude)),
	}
}
