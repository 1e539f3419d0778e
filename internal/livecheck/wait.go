package livecheck

import (
	"context"
	"time"
)

// wait asks the person for something, or for patience, and waits until enough is
// true. It reports whether that came to be in time.
func (r *Run) wait(ctx context.Context, words string, within time.Duration, enough func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return r.inbox.await(ctx, r.person.Do(ctx, words, within), enough)
}

// pause waits without a word.
func (r *Run) pause(ctx context.Context, d time.Duration, enough func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return r.inbox.await(ctx, nil, enough)
}

// never is for waits that only time ends.
func never() bool { return false }

// messages are the distinct texts and pictures of the phone since then.
func (r *Run) messages(from int) []arrival {
	seen := map[string]bool{}
	return r.inbox.find(from, func(a arrival) bool {
		m := a.callback.Message
		if m == nil || seen[m.ID] {
			return false
		}
		seen[m.ID] = true
		return true
	})
}

// evidence names several arrivals in the report.
func evidence(arrivals []arrival) []string {
	var names []string
	for _, a := range arrivals {
		names = append(names, a.evidence())
	}
	return names
}
