package livecheck

import (
	"context"
	"strconv"
	"time"
)

// settleOrder asks for pages of several sizes, and up to the text's own moment.
// It is the last thing to ask, when there are several messages.
func (r *Run) settleOrder(ctx context.Context) {
	s := r.text
	switch {
	case s.id == "":
		return
	case r.app.Source() == "":
		r.unprobed(noList, listOrder)
		return
	}
	all, err := r.list(ctx, map[string]string{"start_time": rfc3339(s.accepted.Add(-30 * 24 * time.Hour))})
	one, errOne := r.list(ctx, map[string]string{"page_size": "1"})
	until, errUntil := r.list(ctx, map[string]string{
		"start_time": rfc3339(s.accepted.Add(-time.Second)), "end_time": rfc3339(s.accepted), "direction": "TO_CONTACT",
	})
	if err != nil || errOne != nil || errUntil != nil {
		r.unseen("the list could not be read", listOrder)
		return
	}
	f := finding{fact: strconv.Itoa(len(all.entries)) + " messages, newest first"}
	if len(all.entries) < 2 {
		f.fact = "the order cannot be told from one message"
	}
	for i := 1; i < len(all.entries); i++ {
		newer, _ := moment(all.entries[i-1].Accepted)
		if older, _ := moment(all.entries[i].Accepted); older.After(newer) {
			f.fact = strconv.Itoa(len(all.entries)) + " messages, not newest first"
			f.readings = append(f.readings, inWords("another order"))
			break
		}
	}
	if len(one.entries) != 1 {
		f.readings = append(f.readings, inWords("another page size"))
	}
	if _, inclusive := until.find(s.id); !inclusive {
		f.readings = append(f.readings, inWords("end_time is exclusive"))
	}
	r.settle(listOrder, f)
}
