package sinch

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/sms"
)

const (
	clockSkew = time.Minute // between our clock and Sinch's
	findPages = 10          // of a hundred messages
)

// Find looks in Sinch's message list for a text that may have been taken. It
// is certain that a text was not taken only if Sinch keeps this app's messages
// at all and the whole list since the first attempt was read. Its error is a
// *sms.SendError: looking again later may help. A look that is refused for good
// is no error, but leaves it open whether the text was taken.
//
// Sinch does not document that the list shows the metadata of our own messages;
// where it does not, the same words to the same number count, unless the
// message is known to be another one.
func (c *Client) Find(ctx context.Context, s sms.Search) (sms.Finding, error) {
	app, err := c.App(ctx)
	if err != nil {
		return sms.Finding{}, unknowable(err)
	}
	source := app.Source()
	if source == "" {
		return sms.Finding{}, nil
	}
	q := Query{Direction: ToContact, Source: source, Start: s.Since.Add(-clockSkew), PageSize: 100}
	for range findPages {
		page, next, err := c.Messages(ctx, q)
		if err != nil {
			return sms.Finding{}, unknowable(err)
		}
		for _, m := range page {
			if m.Contact != s.To || m.Text != s.Text {
				continue
			}
			if slices.Contains(s.Keys, m.Key) || m.Key == "" && !slices.Contains(s.Others, m.ID) {
				return sms.Finding{Accepted: &sms.Accepted{MessageID: m.ID, At: m.AcceptedAt}}, nil
			}
		}
		if next == "" {
			return sms.Finding{Certain: true}, nil
		}
		q.PageToken = next
	}
	return sms.Finding{}, nil
}

// unknowable turns an error into "nobody can know" if looking again is useless.
func unknowable(err error) error {
	failed, ok := errors.AsType[*Error](err)
	switch {
	case ok && !failed.Temporary():
		return nil
	case ok:
		return &sms.SendError{Doubt: sms.NotTaken, Code: failed.Code, Detail: failed.Detail, RetryAfter: failed.RetryAfter}
	default:
		return &sms.SendError{Doubt: sms.NotTaken, Code: "LIST_UNREADABLE"}
	}
}
