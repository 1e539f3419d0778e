package sinch_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

const (
	anasNumber sms.Number = "+15559876543"
	bensNumber sms.Number = "+15550100123"
	elsewhere  sms.Sender = "+12065550199"
)

// stage is a simulator in which Ana and Ben have been written to and have
// written, over two of our numbers.
type stage struct {
	*sinchtest.Server
	client *sinch.Client
}

func newStage(t *testing.T, options sinchtest.Options) stage {
	t.Helper()
	options.Senders = []sms.Sender{sinchtest.DefaultSender, elsewhere}
	simulator := sinchtest.New(options)
	server := httptest.NewServer(simulator)
	t.Cleanup(func() {
		simulator.Close()
		server.Close()
	})
	client := newClient(t, sinch.Config{
		ProjectID: sinchtest.DefaultProjectID, AppID: sinchtest.DefaultAppID, AccessKey: "k", AccessKeySecret: "s", APIURL: server.URL, AuthURL: server.URL,
	})
	c := stage{simulator, client}
	for _, number := range []sms.Number{anasNumber, bensNumber} {
		for _, sender := range []sms.Sender{sinchtest.DefaultSender, elsewhere} {
			_, err := client.Send(t.Context(), sms.Outbound{Key: "key", To: number, From: sender, Text: "Hello"})
			require.NoError(t, err)
			c.Text(number, sender, "Hi")
		}
	}
	require.NoError(t, c.WaitFor(t.Context(), func() bool { return c.Stats().Open == 0 }))
	return c
}

// shown is what the lists show of a number, in either mode.
func (c stage) shown(t *testing.T, number sms.Number) (messages int) {
	t.Helper()
	for _, source := range []sinch.Source{sinch.ConversationSource, sinch.DispatchSource} {
		page, next, err := c.client.Messages(t.Context(), sinch.Query{Source: source, PageSize: 1000, AllChannels: true})
		require.NoError(t, err)
		require.Empty(t, next)
		for _, m := range page {
			if m.Contact == number {
				messages++
			}
		}
	}
	return messages
}

func TestErase(t *testing.T) {
	t.Parallel()

	conversation := sinch.Erased{
		Mode: "CONVERSATION", RetentionDays: 180, Messages: sinch.Deletion{Found: 4, Deleted: 4},
		Conversations: sinch.Deletion{Found: 1, Deleted: 1}, Contacts: sinch.Deletion{Found: 1, Deleted: 1},
	}
	dispatch := sinch.Erased{Mode: "DISPATCH", RetentionDays: 7, Messages: sinch.Deletion{Found: 4, Deleted: 4}}
	for name, test := range map[string]struct {
		options sinchtest.Options
		want    sinch.Erased
		bens    int
	}{
		"conversation":                    {sinchtest.Options{}, conversation, 4},
		"filters compare what is stored":  {sinchtest.Options{Readings: sinchtest.Readings{ExactIdentities: true}}, conversation, 4},
		"dispatch":                        {sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 7}, dispatch, 4},
		"dispatch, and exactly":           {sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 7, Readings: sinchtest.Readings{ExactIdentities: true}}, dispatch, 4},
		"dispatch, where nothing is kept": {sinchtest.Options{Mode: sinchtest.Dispatch}, sinch.Erased{Mode: "DISPATCH"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := newStage(t, test.options)
			erased, err := c.client.Erase(t.Context(), anasNumber)
			require.NoError(t, err)
			require.Equal(t, test.want, erased)
			require.Empty(t, erased.Left)
			require.Zero(t, c.shown(t, anasNumber))
			require.Equal(t, test.bens, c.shown(t, bensNumber), "nobody else's")
			require.Len(t, c.Phone(anasNumber).Messages(), 4, "a phone is out of reach")

			again, err := c.client.Erase(t.Context(), anasNumber)
			require.NoError(t, err)
			nothing := sinch.Erased{Mode: test.want.Mode, RetentionDays: test.want.RetentionDays}
			require.Equal(t, nothing, again)

			others, err := c.client.Erase(t.Context(), bensNumber)
			require.NoError(t, err)
			require.Equal(t, test.want, others, "of whom everything was still there")

			_, err = c.client.Send(t.Context(), sms.Outbound{Key: "later", To: anasNumber, Text: "Hello again"})
			require.NoError(t, err, "a new contact")
		})
	}
}

// Whatever goes wrong for a while, the first or a second call finishes.
func TestEraseInTrouble(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		faults []sinchtest.OneShot
		fails  string // what the first call says
	}{
		"too many requests":         {faults: []sinchtest.OneShot{{On: sinchtest.OnDelete, Fault: sinchtest.FaultError, Status: 429, Times: 2}}},
		"for a moment away":         {faults: []sinchtest.OneShot{{On: sinchtest.OnApp, Fault: sinchtest.FaultError}, {On: sinchtest.OnList, Fault: sinchtest.FaultError, Times: 2}, {On: sinchtest.OnContacts, Fault: sinchtest.FaultResetBefore}, {On: sinchtest.OnConversations, Fault: sinchtest.FaultError, Status: 500}}},
		"deleted, but not answered": {faults: []sinchtest.OneShot{{On: sinchtest.OnDelete, Fault: sinchtest.FaultResetAfter, Times: 2}}},
		"dies among the messages":   {faults: []sinchtest.OneShot{{On: sinchtest.OnDelete, Fault: sinchtest.FaultSlow}, {On: sinchtest.OnDelete, Fault: sinchtest.FaultError, Status: 403}}, fails: "deleting messages: PERMISSION_DENIED"},
		"dies at the contact":       {faults: []sinchtest.OneShot{{On: sinchtest.OnDelete, Fault: sinchtest.FaultSlow, Times: 5}, {On: sinchtest.OnDelete, Fault: sinchtest.FaultError, Status: 401, Times: 2}}, fails: "deleting contacts: UNAUTHENTICATED"},
		"no list of contacts":       {faults: []sinchtest.OneShot{{On: sinchtest.OnContacts, Fault: sinchtest.FaultError, Status: 400}}, fails: "listing contacts: INVALID_ARGUMENT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := newStage(t, sinchtest.Options{Faults: sinchtest.Faults{SlowFor: 1}})
			c.Next(test.faults...)
			erased, err := c.client.Erase(t.Context(), anasNumber)
			if test.fails != "" {
				require.ErrorContains(t, err, "erasing at Sinch: "+test.fails)
				require.NotContains(t, err.Error(), "555")
				require.Less(t, erased.Contacts.Deleted, 1)
				erased, err = c.client.Erase(t.Context(), anasNumber)
			}
			require.NoError(t, err)
			require.Empty(t, c.Faults().Next, "all faults have come")
			require.Empty(t, erased.Left)
			require.Equal(t, sinch.Deletion{Found: 1, Deleted: 1}, erased.Contacts)
			require.Zero(t, c.shown(t, anasNumber))
			require.Equal(t, 4, c.shown(t, bensNumber))
		})
	}
}

func TestEraseReadsAllPages(t *testing.T) {
	t.Parallel()

	c := newStage(t, sinchtest.Options{})
	for range 1_100 {
		c.Text(anasNumber, elsewhere, "Hi")
		c.Text(bensNumber, elsewhere, "Hi")
	}
	erased, err := c.client.Erase(t.Context(), anasNumber)
	require.NoError(t, err)
	require.Empty(t, erased.Left)
	require.Equal(t, sinch.Deletion{Found: 1_104, Deleted: 1_104}, erased.Messages)
	others, err := c.client.Erase(t.Context(), bensNumber)
	require.NoError(t, err)
	require.Equal(t, 1_104, others.Messages.Found)
}

// A message that Sinch will not delete is told of, and holds up nothing else.
func TestEraseIsRefused(t *testing.T) {
	t.Parallel()

	c := newStage(t, sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 1})
	c.Next(sinchtest.OneShot{On: sinchtest.OnDelete, Fault: sinchtest.FaultError, Status: 400})
	erased, err := c.client.Erase(t.Context(), anasNumber)
	require.NoError(t, err)
	require.Equal(t, sinch.Deletion{Found: 4, Deleted: 3}, erased.Messages)
	require.Equal(t, []string{"1 message is left: Sinch refuses: INVALID_ARGUMENT: This fault was asked for."}, erased.Left)
	require.Equal(t, 1, c.shown(t, anasNumber))
}

func TestEraseEndsWithItsContext(t *testing.T) {
	t.Parallel()

	c := newStage(t, sinchtest.Options{})
	c.SetFaults(sinchtest.Faults{Outage: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.client.Erase(ctx, anasNumber)
	require.ErrorContains(t, err, "cancelled")
	_, err = c.client.Erase(t.Context(), "")
	require.Error(t, err, "which would be everybody")
}

// careless is a Sinch that narrows no list to what was asked for, and whose
// contacts are as a test says.
type careless struct {
	t *testing.T

	mu            sync.Mutex
	messages      []string
	contacts      []string
	conversations []string
	deleted       []string
}

func (s *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/projects/project-1/")
	kind, id, one := strings.Cut(path, "/")
	list := map[string]*[]string{"messages": &s.messages, "contacts": &s.contacts, "conversations": &s.conversations}[kind]
	switch {
	case kind == "apps":
		say(w, 200, `{"id":"app-1","processing_mode":"CONVERSATION","retention_policy":{"ttl_days":180}}`)
	case r.Method == http.MethodGet && !one && r.URL.Query().Get("messages_source") == "DISPATCH_SOURCE":
		say(w, 400, `{"error":{"status":"INVALID_ARGUMENT","message":"15559876543 is not in DISPATCH mode"}}`)
	case r.Method == http.MethodGet && !one:
		s.page(w, r, kind, *list)
	default:
		var rest []string
		found := ""
		for _, item := range *list {
			if strings.Contains(item, `{"id":"`+id+`"`) {
				found = item
			} else {
				rest = append(rest, item)
			}
		}
		switch {
		case found == "":
			say(w, 404, `{}`)
		case r.Method == http.MethodDelete:
			*list = rest
			s.deleted = append(s.deleted, path)
			w.WriteHeader(http.StatusNoContent)
		default:
			say(w, 200, found)
		}
	}
}

// page shows two items at a time.
func (s *careless) page(w http.ResponseWriter, r *http.Request, kind string, list []string) {
	from := len(r.URL.Query().Get("page_token"))
	to, next := min(from+2, len(list)), ""
	if to < len(list) {
		next = strings.Repeat("x", to)
	}
	body := `{"` + kind + `":[` + strings.Join(list[from:to], ",") + `],"next_page_token":"` + next + `"}`
	say(w, 200, body)
}

// say is not answer, of which gosec believes that a browser reads it.
func say(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) //nolint:gosec // our own client reads it
}

func message(id, channel, identity, contact string) string {
	return object(map[string]any{"id": id, "contact_id": contact, "channel_identity": map[string]string{"channel": channel, "identity": identity}})
}

func person(id string, identities ...string) string {
	var list []any
	for _, i := range identities {
		channel, identity, _ := strings.Cut(i, " ")
		list = append(list, map[string]string{"channel": channel, "identity": identity})
	}
	return object(map[string]any{"id": id, "channel_identities": list})
}

func conversationOf(id, app, contact string) string {
	return object(map[string]any{"id": id, "app_id": app, "contact_id": contact})
}

// object writes the id first, as careless looks for it.
func object(fields map[string]any) string {
	id := fields["id"].(string)
	delete(fields, "id")
	rest, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return `{"id":"` + url.PathEscape(id) + `",` + strings.TrimPrefix(string(rest), "{")
}

// Where Sinch shows more than it was asked for, only what is the contact's goes.
func TestEraseTakesNothingElse(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		contacts      []string
		messages      []string
		conversations []string
		deleted       []string
		left          []string
	}{
		"everybody is listed": {
			contacts:      []string{person("C2", "SMS 15550100123"), person("C1", "SMS 15559876543"), person("C3", "SMS 155598765431")},
			messages:      []string{message("M1", "SMS", "+15559876543", "C1"), message("M2", "SMS", "15550100123", "C2"), message("M3", "SMS", "15559876543", "C1"), message("M4", "SMS", "", ""), message("M5", "SMS", "155598765431", "C3")},
			conversations: []string{conversationOf("D2", "app-1", "C2"), conversationOf("D1", "app-1", "C1"), conversationOf("D3", "app-1", "")},
			deleted:       []string{"messages/M1", "messages/M3", "conversations/D1", "contacts/C1"},
		},
		"on other channels": {
			contacts: []string{person("C1", "SMS 15559876543", "MESSENGER 777", "WHATSAPP 15559876543"), person("C2", "MESSENGER 888")},
			messages: []string{message("M1", "SMS", "15559876543", "C1"), message("M2", "MESSENGER", "777", "C1"), message("M3", "WHATSAPP", "15559876543", "C1"), message("M4", "MESSENGER", "888", "C2"), message("M5", "MESSENGER", "15559876543", "C2")},
			deleted:  []string{"messages/M1", "messages/M2", "messages/M3", "contacts/C1"},
		},
		"found through a message only": {
			contacts: []string{person("C1", "WHATSAPP 15559876543")},
			messages: []string{message("M1", "WHATSAPP", "15559876543", "C1")},
			deleted:  []string{"messages/M1", "contacts/C1"},
		},
		"another app writes to the contact": {
			contacts:      []string{person("C1", "SMS 15559876543")},
			messages:      []string{message("M1", "SMS", "15559876543", "C1")},
			conversations: []string{conversationOf("D1", "app-1", "C1"), conversationOf("D2", "app-2", "C1")},
			deleted:       []string{"messages/M1", "conversations/D1"},
			left:          []string{"1 contact is left: another app of the project has conversations with the contact"},
		},
		"the contact has another number": {
			contacts:      []string{person("C1", "SMS 15559876543", "WHATSAPP 15550100123", "MESSENGER 777")},
			messages:      []string{message("M1", "SMS", "15559876543", "C1"), message("M2", "WHATSAPP", "15550100123", "C1"), message("M3", "MESSENGER", "777", "C1")},
			conversations: []string{conversationOf("D1", "app-1", "C1")},
			deleted:       []string{"messages/M1"},
			left: []string{
				"1 conversation is left: the contact has another number too; take one of them away in Sinch's dashboard, and erase again",
				"1 contact is left: the contact has another number too; take one of them away in Sinch's dashboard, and erase again",
			},
		},
		"the contact has lost the number": {
			contacts: []string{person("C1", "SMS 15550100123")},
			messages: []string{message("M1", "SMS", "15559876543", "C1")},
			deleted:  []string{"messages/M1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			careless := &careless{t: t, contacts: test.contacts, messages: test.messages, conversations: test.conversations}
			s := newServer(t, 3599, careless.ServeHTTP)
			erased, err := newClient(t, s.config()).Erase(t.Context(), anasNumber)
			require.NoError(t, err)
			require.Equal(t, test.deleted, careless.deleted)
			require.Equal(t, append([]string{"Sinch does not list the messages of DISPATCH_SOURCE for this app"}, test.left...), erased.Left)
		})
	}
}

// A list that shows for ever what was deleted does not keep us for ever.
func TestEraseEnds(t *testing.T) {
	t.Parallel()

	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/apps/app-1"):
			answer(200, `{"id":"app-1","processing_mode":"DISPATCH","dispatch_retention_policy":{"ttl_days":1}}`)(w, r)
		case strings.HasSuffix(r.URL.Path, "/messages"):
			answer(200, `{"messages":[`+message("M1", "SMS", "15559876543", "")+`],"next_page_token":"more"}`)(w, r)
		case r.Method == http.MethodDelete:
			answer(200, `{}`)(w, r)
		default:
			answer(400, `{}`)(w, r)
		}
	})
	erased, err := newClient(t, s.config()).Erase(t.Context(), anasNumber)
	require.NoError(t, err)
	require.Equal(t, sinch.Deletion{Found: 1, Deleted: 1}, erased.Messages)
	require.NotEmpty(t, erased.Left)
	require.Equal(t, []string{
		"Sinch does not list contacts for this app",
		"Sinch still lists something of the contact after it was deleted; erase again later",
		"Sinch's list of messages is too long to read to its end",
	}, erased.Left)
}
