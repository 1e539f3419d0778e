package livecheck

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A page is a page of Sinch's message list.
type page struct {
	entries []entry
	next    string
}

// An entry is a message in it. Its words are those of a message of ours.
type entry struct {
	ID       string   `json:"id"`
	Metadata string   `json:"metadata"`
	Accepted string   `json:"accept_time"`
	Identity identity `json:"channel_identity"`
	Message  content  `json:"app_message"`

	raw json.RawMessage
}

// list reads a page. It is Sinch's own list: other people's messages are in it,
// so it is not kept.
func (r *Run) list(ctx context.Context, query map[string]string) (page, error) {
	v := url.Values{"app_id": {r.check.Sinch.AppID}, "messages_source": {string(r.app.Source())}, "page_size": {"100"}}
	for name, value := range query {
		v.Set(name, value)
	}
	body, err := r.client.Call(ctx, http.MethodGet, "/messages?"+v.Encode(), nil, digits(r.check.To))
	if err != nil {
		return page{}, err
	}
	var listed struct {
		Messages []json.RawMessage `json:"messages"`
		Next     string            `json:"next_page_token"`
	}
	if err := json.Unmarshal(body, &listed); err != nil {
		return page{}, err
	}
	p := page{next: listed.Next}
	for _, raw := range listed.Messages {
		e := entry{raw: raw}
		_ = json.Unmarshal(raw, &e) // what is of another type than expected stays empty
		p.entries = append(p.entries, e)
	}
	return p, nil
}

// find returns the entry with that id.
func (p page) find(id string) (entry, bool) {
	for _, e := range p.entries {
		if e.ID == id {
			return e, true
		}
	}
	return entry{}, false
}

// noList is why the list is not asked.
const noList = "the app keeps no messages: set it to CONVERSATION mode"

// rfc3339 is a time as a query has it.
func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// appears looks until the list shows a text, and tells how long that took after
// the answer to its send.
func (r *Run) appears(ctx context.Context, s sent) (found entry, lag time.Duration, looks int) {
	ctx, cancel := context.WithTimeout(ctx, r.check.Waits.List)
	defer cancel()
	query := map[string]string{"start_time": rfc3339(s.accepted.Add(-time.Minute)), "direction": "TO_CONTACT"}
	for ctx.Err() == nil {
		looks++
		p, err := r.list(ctx, query)
		if e, ok := p.find(s.id); err == nil && ok {
			return e, time.Since(s.until), looks
		}
		r.pause(ctx, r.check.Waits.Look, never)
	}
	return entry{}, 0, looks
}

// settleList asks the list about a text.
func (r *Run) settleList(ctx context.Context, s sent) {
	numbers := []int{listLag, listContent, identityFilter}
	if r.app.Source() == "" {
		r.unprobed(noList, numbers...)
		return
	}
	e, lag, looks := r.appears(ctx, s)
	if e.ID == "" {
		r.unseen("the list did not show the text within "+round(r.check.Waits.List).String(), numbers...)
		return
	}
	shown := r.keep(Answer{Call: "GET /messages", Status: http.StatusOK, Body: `{"messages":[` + string(e.raw) + `]}`})
	lags := finding{fact: "the list showed it " + round(lag).String() + " after the answer, at the first look", evidence: []string{shown}}
	if looks > 1 {
		lags.fact = "the list showed it " + round(lag).String() + " after the answer, at look " + strconv.Itoa(looks)
		lags.readings = []reading{otherwise("list_lag", max(round(lag), time.Millisecond).String())}
	}
	r.settle(listLag, lags)
	r.settle(listContent, compare(e, s, shown))
	r.settleFilter(ctx, s)
}

// settleFilter asks for the text by the number, in both forms.
func (r *Run) settleFilter(ctx context.Context, s sent) {
	ask := func(number string) (bool, error) {
		p, err := r.list(ctx, map[string]string{
			"start_time": rfc3339(s.accepted.Add(-time.Minute)), "channel": "SMS", "channel_identity": number,
		})
		_, found := p.find(s.id)
		return found, err
	}
	with, errWith := ask(string(r.check.To))
	without, errWithout := ask(digits(r.check.To))
	switch {
	case errWith != nil || errWithout != nil:
		r.unseen("the list could not be read", identityFilter)
	case with && without:
		r.settle(identityFilter, finding{fact: "found with and without the plus sign"})
	case without:
		r.settle(identityFilter, finding{readings: []reading{otherwise("exact_identities", true)}, fact: "found without the plus sign only"})
	case with:
		r.settle(identityFilter, finding{readings: []reading{inWords("with the plus sign only")}, fact: "found with the plus sign only"})
	default:
		r.unseen("no filter by the number found it", identityFilter)
	}
}
