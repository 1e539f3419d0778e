package sinch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sms"
	"parley/sms/numbers"
)

// Erased is what Erase found of a contact at Sinch, and what became of it.
type Erased struct {
	Mode          string   `json:"mode"`           // of the app: CONVERSATION or DISPATCH
	RetentionDays int      `json:"retention_days"` // how long Sinch keeps messages of the app; 0: not at all
	Messages      Deletion `json:"messages"`
	Conversations Deletion `json:"conversations"`
	Contacts      Deletion `json:"contacts"`
	// Left says what is still there or could not be looked for, each in a sentence;
	// it is empty if Sinch shows nothing of the contact any more.
	Left []string `json:"left,omitempty"`
}

// A Deletion counts what was found, and what of it is no longer there.
type Deletion struct {
	Found   int `json:"found"`
	Deleted int `json:"deleted"`
}

// How far Erase goes, so that it ends whatever Sinch answers.
const (
	eraseRounds  = 4    // looks at everything, of which the last finds nothing
	messagesPage = 1000 // the most that Sinch documents
	messagePages = 200  // of a list that Sinch narrows to the contact
	sweepPages   = 10   // of the list of everybody's messages
	peoplePage   = 20   // contacts or conversations; the most that Sinch documents
	peoplePages  = 50
	eraseTries   = 6 // of each call
	firstPause   = 250 * time.Millisecond
	longestPause = 30 * time.Second // also of a Retry-After
)

// Erase deletes what Sinch keeps of a contact for this app, in either processing
// mode: messages, then conversations, and the contact last, since through the
// contact a second call finds what the first has left. It may be called again at
// any time, also after an error, which comes with what was done until then.
//
// What Sinch lists is deleted only if it names this number, or an address that
// Sinch's contact with this number has on a channel without numbers. A contact
// belongs to the project: while another app has conversations with it, or if it
// has another number too, it is left, and Erased says so. Sinch's own lists of
// consents are left alone, since they keep the contact from being texted.
//
// A call that may succeed later is tried again for a while. Errors are *Error.
func (c *Client) Erase(ctx context.Context, number sms.Number) (Erased, error) {
	if number == "" {
		return Erased{}, errors.New("erasing at Sinch: there is no contact without a number")
	}
	app, err := patiently(ctx, func() (App, error) { return c.App(ctx) })
	if err != nil {
		return Erased{}, fmt.Errorf("erasing at Sinch: %w", err)
	}
	e := eraser{
		c: c, app: app, number: number, addresses: map[address]bool{},
		messages: things{}, conversations: things{}, contacts: things{}, unseen: map[string]bool{},
	}
	if err = e.erase(ctx); err != nil {
		err = fmt.Errorf("erasing at Sinch: %w", err)
	}
	erased := Erased{
		Mode: app.ProcessingMode, RetentionDays: app.RetentionDays, Left: e.left(),
		Messages: e.messages.count(), Conversations: e.conversations.count(), Contacts: e.contacts.count(),
	}
	if app.ProcessingMode == dispatchMode {
		erased.RetentionDays = app.DispatchRetentionDays
	}
	return erased, err
}

const dispatchMode = "DISPATCH"

// eraser is one call of Erase.
type eraser struct {
	c         *Client
	app       App
	number    sms.Number
	addresses map[address]bool // the contact's on channels without numbers

	messages, conversations, contacts things
	unseen                            map[string]bool // what could not be looked for, in sentences
}

// An address is where somebody is reached on a channel.
type address struct{ channel, identity string }

// things at Sinch are known by their ids.
type things map[string]*thing

type thing struct {
	source  Source // of a message
	listed  bool   // by the last look
	deleted bool
	kept    string // why it is not deleted
}

func (t things) list(id string) *thing {
	if t[id] == nil {
		t[id] = &thing{}
	}
	t[id].listed = true
	return t[id]
}

func (t things) count() Deletion {
	d := Deletion{Found: len(t)}
	for _, one := range t {
		if one.deleted {
			d.Deleted++
		}
	}
	return d
}

// doomed returns the ids that the last pass found and has no reason to keep.
func (t things) doomed() []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(t)) {
		if t[id].listed && t[id].kept == "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (e *eraser) erase(ctx context.Context) error {
	for round := range eraseRounds {
		clear(e.unseen)
		for _, t := range []things{e.messages, e.conversations, e.contacts} {
			for _, one := range t {
				one.listed = false
			}
		}
		for _, look := range []func(context.Context) error{e.findContacts, e.findMessages, e.findConversations} {
			if err := look(ctx); err != nil {
				return err
			}
		}
		found := 0
		for _, t := range []struct {
			of   things
			path string
		}{{e.messages, "/messages/"}, {e.conversations, "/conversations/"}, {e.contacts, "/contacts/"}} {
			found += len(t.of.doomed())
			if err := e.deleteAll(ctx, t.of, t.path); err != nil {
				return err
			}
		}
		if found == 0 {
			return nil
		}
		if round == eraseRounds-1 {
			break
		}
		// Sinch does not say how soon its lists know of a deletion.
		if err := pause(ctx, firstPause<<round); err != nil {
			return err
		}
	}
	e.unseen["Sinch still lists something of the contact after it was deleted; erase again later"] = true
	return nil
}

// findContacts asks for contacts with the number. Sinch does not document
// whether it compares with or without the plus sign.
func (e *eraser) findContacts(ctx context.Context) error {
	for _, spelling := range e.spellings() {
		query := url.Values{"channel": {"SMS"}, "identity": {spelling}}
		complete, err := e.pages(ctx, "/contacts", query, "contacts", peoplePage, peoplePages, func(o object) error {
			return e.meet(ctx, o.text("id"))
		})
		switch {
		case gone(err): // nobody has the number
		case refusedFor(err) && e.app.ProcessingMode == dispatchMode:
			e.unseen["Sinch does not list contacts for this app"] = true // of an earlier mode
		case err != nil:
			return fmt.Errorf("listing contacts: %w", err)
		case !complete:
			e.unseen["Sinch's list of contacts is too long to read to its end"] = true
		}
	}
	return nil
}

// anotherNumber keeps a contact and its conversations, which may hold another
// person's texts.
const anotherNumber = "the contact has another number too; take one of them away in Sinch's dashboard, and erase again"

// meet reads a contact, and decides whether it is the one to erase.
func (e *eraser) meet(ctx context.Context, id string) error {
	if id == "" || e.contacts[id] != nil && e.contacts[id].listed {
		return nil
	}
	contact, err := e.get(ctx, "/contacts/"+url.PathEscape(id))
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a contact: %w", err)
	}
	ours, others := false, false
	var elsewhere []address
	for _, o := range contact.objects("channel_identities") {
		a := addressOf(o)
		switch {
		case a.is(e.number):
			ours = true
		case a.numbered():
			others = true
		default:
			elsewhere = append(elsewhere, a)
		}
	}
	if !ours {
		return nil // the list was not narrowed, or the contact has lost the number
	}
	found := e.contacts.list(id)
	if others {
		found.kept = anotherNumber
		return nil
	}
	for _, a := range elsewhere {
		e.addresses[a] = true
	}
	return nil
}

// findMessages reads all lists in which the contact's messages may be. An app
// that was in the other mode may still have some from then. Besides what Sinch
// narrows to the contact, it reads the latest messages of everybody, in case
// Sinch compares numbers in a way that is not foreseen here.
func (e *eraser) findMessages(ctx context.Context) error {
	for _, source := range []Source{ConversationSource, DispatchSource} {
		queries := []url.Values{{}}
		for _, spelling := range e.spellings() {
			queries = append(queries, url.Values{"channel_identity": {spelling}})
		}
		if source == ConversationSource {
			for _, id := range slices.Sorted(maps.Keys(e.contacts)) {
				queries = append(queries, url.Values{"contact_id": {id}})
			}
		}
		for _, query := range queries {
			sweep, most := len(query) == 0, messagePages
			if sweep {
				most = sweepPages
			}
			query.Set("app_id", e.c.appID)
			query.Set("messages_source", string(source))
			query.Set("view", "WITHOUT_METADATA")
			complete, err := e.pages(ctx, "/messages", query, "messages", messagesPage, most, func(o object) error {
				return e.message(ctx, o, source)
			})
			switch {
			case refusedFor(err) && source != e.app.Source():
				e.unseen[fmt.Sprintf("Sinch does not list the messages of %s for this app", source)] = true
			case err != nil:
				return fmt.Errorf("listing messages: %w", err)
			case !complete && !sweep:
				e.unseen["Sinch's list of messages is too long to read to its end"] = true
			}
		}
	}
	return nil
}

func (e *eraser) message(ctx context.Context, o object, source Source) error {
	a := addressOf(o.object("channel_identity"))
	id := o.text("id")
	if id == "" || !a.is(e.number) && !e.addresses[a] {
		return nil
	}
	e.messages.list(id).source = source
	return e.meet(ctx, o.text("contact_id"))
}

// findConversations asks for those of the contacts, with any app of the project.
func (e *eraser) findConversations(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(e.contacts)) {
		contact := e.contacts[id]
		if !contact.listed {
			continue
		}
		query := url.Values{"contact_id": {id}}
		complete, err := e.pages(ctx, "/conversations", query, "conversations", peoplePage, peoplePages, func(o object) error {
			conversation := o.text("id")
			switch {
			case conversation == "" || o.text("contact_id") != id:
			case o.text("app_id") != e.c.appID:
				contact.kept = "another app of the project has conversations with the contact"
			default:
				e.conversations.list(conversation)
				if contact.kept == anotherNumber {
					e.conversations[conversation].kept = anotherNumber
				}
			}
			return nil
		})
		switch {
		case err != nil:
			return fmt.Errorf("listing conversations: %w", err)
		case !complete:
			contact.kept = "the contact's list of conversations is too long to read to its end"
		}
	}
	return nil
}

// deleteAll deletes what the last look found. What is no longer there, perhaps
// since an answer got lost, is deleted too.
func (e *eraser) deleteAll(ctx context.Context, of things, path string) error {
	for _, id := range of.doomed() {
		one := of[id]
		where := path + url.PathEscape(id)
		if one.source != "" {
			where += "?messages_source=" + string(one.source)
		}
		_, err := patiently(ctx, func() ([]byte, error) { return e.call(ctx, http.MethodDelete, where) })
		failed, _ := errors.AsType[*Error](err)
		switch {
		case err == nil, gone(err):
			one.deleted = true
		case refusedFor(err):
			one.kept = "Sinch refuses: " + failed.Error() // the others may go
		default:
			return fmt.Errorf("deleting %s: %w", strings.Trim(path, "/"), err)
		}
	}
	return nil
}

// left says in sentences what Erased.Left is for.
func (e *eraser) left() []string {
	left := slices.Sorted(maps.Keys(e.unseen))
	for _, kind := range []struct {
		of        things
		one, many string
	}{
		{e.messages, "1 message is", "%d messages are"},
		{e.conversations, "1 conversation is", "%d conversations are"},
		{e.contacts, "1 contact is", "%d contacts are"},
	} {
		reasons := map[string]int{}
		for _, thing := range kind.of {
			if thing.kept != "" {
				reasons[thing.kept]++
			}
		}
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			what := kind.one
			if n := reasons[reason]; n > 1 {
				what = fmt.Sprintf(kind.many, n)
			}
			left = append(left, what+" left: "+reason)
		}
	}
	return left
}

// pages reads a list, and reports whether it came to its end.
func (e *eraser) pages(ctx context.Context, path string, query url.Values, key string, size, most int, each func(object) error) (bool, error) {
	query.Set("page_size", strconv.Itoa(size))
	for range most {
		answer, err := e.get(ctx, path+"?"+query.Encode())
		if err != nil {
			return false, err
		}
		for _, o := range answer.objects(key) {
			if err := each(o); err != nil {
				return false, err
			}
		}
		next := answer.text("next_page_token")
		if next == "" {
			return true, nil
		}
		query.Set("page_token", next)
	}
	return false, nil
}

func (e *eraser) get(ctx context.Context, path string) (object, error) {
	answer, err := patiently(ctx, func() ([]byte, error) { return e.call(ctx, http.MethodGet, path) })
	if err != nil {
		return nil, err
	}
	o, err := parseObject(answer)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return o, nil
}

func (e *eraser) call(ctx context.Context, method, path string) ([]byte, error) {
	answer, failure := e.c.call(ctx, method, path, nil, e.spellings()...)
	if failure != nil {
		return nil, failure
	}
	return answer, nil
}

func (e *eraser) spellings() []string {
	return []string{strings.TrimPrefix(string(e.number), "+"), string(e.number)}
}

func addressOf(o object) address { return address{o.text("channel"), o.text("identity")} }

// numbered reports whether the channel knows people by their phone numbers. An
// id on another one may look like a number, and is none.
func (a address) numbered() bool {
	return slices.Contains([]string{"SMS", "MMS", "RCS", "WHATSAPP", "VIBERBM"}, a.channel)
}

func (a address) is(number sms.Number) bool {
	theirs, err := numbers.Parse(a.identity)
	return err == nil && a.numbered() && theirs == number
}

// gone reports whether Sinch knows no such thing.
func gone(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.Status == http.StatusNotFound && !failed.token
}

// refusedFor reports whether Sinch does not do what it was asked for, whoever asks.
func refusedFor(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.refused && !failed.token && failed.Status != http.StatusUnauthorized && failed.Status != http.StatusForbidden
}

// patiently calls until it succeeds, or there is no use in calling again.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		value, err := call()
		failed, ok := errors.AsType[*Error](err)
		if !ok || !failed.Temporary() || try == eraseTries {
			return value, err
		}
		if pause(ctx, max(firstPause<<(try-1), min(failed.RetryAfter, longestPause))) != nil {
			return value, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
