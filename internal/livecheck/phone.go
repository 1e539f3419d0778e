package livecheck

import (
	"context"
	"fmt"
	"unicode/utf8"
)

const captionWords = "hello"

// takePicture has the phone send a picture with words below it.
func (r *Run) takePicture(ctx context.Context) {
	from := r.inbox.count()
	words := "Send a picture with the caption '" + captionWords + "'"
	if !r.wait(ctx, words, r.check.Waits.Person, func() bool { return len(r.messages(from)) > 0 }) {
		r.unprobed("no picture came from the phone", captions)
		return
	}
	var card, media, text bool
	complete := func() bool {
		for _, a := range r.messages(from) {
			c := a.callback.Message.Content
			card = card || c.Card != nil && c.Card.Caption != ""
			media = media || c.Media != nil || c.Card != nil
			text = text || c.Text != nil && c.Text.Text != ""
		}
		return card || media && text
	}
	r.wait(ctx, "Nothing to do: more may come behind it", r.check.Waits.Behind, complete)
	f := finding{evidence: evidence(r.messages(from))}
	switch {
	case card:
		f.fact = "a media_card_message with the caption"
	case media && text:
		f.fact, f.readings = "a picture, and a text of its own", []reading{otherwise("captions", "text")}
	case media:
		f.fact, f.readings = "a picture without words", []reading{otherwise("captions", "dropped")}
	case text:
		f.fact, f.readings = "the words without a picture", []reading{inWords("the words alone")}
	default:
		f.fact, f.unseen = "something else came than a picture", true
	}
	r.settle(captions, f)
}

// longText is how many characters do not fit one segment in any encoding.
const longText = 161

// takeLongText has the phone send a text of several segments.
func (r *Run) takeLongText(ctx context.Context) {
	from := r.inbox.count()
	if !r.wait(ctx, "Send a text of more than 200 characters", r.check.Waits.Person, func() bool { return len(r.messages(from)) > 0 }) {
		r.unprobed("no text came from the phone", longTexts)
		return
	}
	longest, count := 0, 0
	whole := func() bool {
		count = 0
		for _, a := range r.messages(from) {
			longest = max(longest, utf8.RuneCountInString(a.callback.Message.Content.words()))
			count++
		}
		return longest >= longText
	}
	r.wait(ctx, "Nothing to do: more may come behind it", r.check.Waits.Behind, whole)
	f := finding{fact: fmt.Sprintf("one text of %d characters", longest), evidence: evidence(r.messages(from))}
	switch {
	case longest >= longText:
	case count > 1:
		f.fact, f.readings = fmt.Sprintf("%d texts of at most %d characters", count, longest), []reading{otherwise("long_texts", "parts")}
	default:
		f.fact, f.unseen = fmt.Sprintf("one text of only %d characters came", longest), true
	}
	r.settle(longTexts, f)
}
