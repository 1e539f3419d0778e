package sinchtest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// ids are those of the items of a list.
func ids(answer map[string]any, key string) []string {
	found := []string{}
	for _, item := range answer[key].([]any) {
		found = append(found, item.(map[string]any)["id"].(string))
	}
	return found
}

func TestContactsAndConversations(t *testing.T) {
	t.Parallel()
	c, hook := startWithHook(t, sinchtest.Options{})
	_, err := c.AddWebhook(sinchtest.Webhook{Target: hook.url + "/deleted", Triggers: []string{"CONTACT_DELETE", "CONVERSATION_DELETE"}})
	require.NoError(t, err)
	c.send(ana, "one", "k1")
	c.send(bob, "two", "k2")
	c.Text(ana, "", "three")
	c.quiet()

	list := func(path, key string) []string {
		t.Helper()
		status, answer := c.do(http.MethodGet, project+path, nil)
		require.Equal(t, http.StatusOK, status, "%v", answer)
		return ids(answer, key)
	}
	require.Len(t, list("/contacts", "contacts"), 2)
	for _, identity := range []string{"15559876543", "%2B15559876543"} {
		require.Len(t, list("/contacts?channel=SMS&identity="+identity, "contacts"), 1)
	}
	require.Empty(t, list("/contacts?channel=WHATSAPP&identity=15559876543", "contacts"))
	require.Empty(t, list("/contacts?channel=SMS&identity=nobody", "contacts"))
	require.Empty(t, list("/contacts?external_id=e", "contacts"))
	anas := list("/contacts?channel=SMS&identity=15559876543", "contacts")[0]
	_, contact := c.do(http.MethodGet, project+"/contacts/"+anas, nil)
	require.Equal(t, []any{map[string]any{"channel": "SMS", "identity": "15559876543", "app_id": ""}}, contact["channel_identities"])
	require.Len(t, list("/conversations?app_id="+sinchtest.DefaultAppID, "conversations"), 2)
	conversation := list("/conversations?contact_id="+anas, "conversations")[0]
	_, answer := c.do(http.MethodGet, project+"/conversations/"+conversation, nil)
	require.Equal(t, anas, answer["contact_id"])
	require.NotEqual(t, "1970-01-01T00:00:00Z", answer["last_received"], "three")

	for _, query := range []string{
		"/contacts?channel=SMS", "/contacts?identity=1", "/contacts?channel=PIGEON&identity=1", "/contacts?external_id=e&channel=SMS&identity=1",
		"/contacts?page_size=21", "/contacts?page_token=!", "/conversations", "/conversations?contact_id=x&page_size=x",
	} {
		status, _ := c.do(http.MethodGet, project+query, nil)
		require.Equal(t, http.StatusBadRequest, status, query)
	}
	_, page := c.do(http.MethodGet, project+"/contacts?page_size=1", nil)
	next := list("/contacts?page_size=1&page_token="+page["next_page_token"].(string), "contacts")
	require.Len(t, next, 1)
	require.NotEqual(t, ids(page, "contacts"), next)

	gone := func(path string) {
		t.Helper()
		status, answer := c.do(http.MethodDelete, project+path, nil)
		require.Equal(t, http.StatusOK, status, "%v", answer)
		status, _ = c.do(http.MethodDelete, project+path, nil)
		require.Equal(t, http.StatusNotFound, status, "again")
		status, _ = c.do(http.MethodGet, project+path, nil)
		require.Equal(t, http.StatusNotFound, status)
	}
	one := c.Sent()[0].ID
	status, _ := c.do(http.MethodDelete, project+"/messages/"+one+"?messages_source=DISPATCH_SOURCE", nil)
	require.Equal(t, http.StatusNotFound, status, "it is not there")
	gone("/messages/" + one)
	messages := func() []string { return list("/messages", "messages") }
	require.Len(t, messages(), 2)
	require.Len(t, list("/conversations?contact_id="+anas, "conversations"), 1, "a conversation may be empty")
	gone("/conversations/" + conversation)
	require.Equal(t, []string{c.Sent()[1].ID}, messages(), "its messages have gone along")
	require.Len(t, list("/contacts", "contacts"), 2)
	gone("/contacts/" + anas)
	require.Len(t, list("/contacts", "contacts"), 1)
	require.Len(t, c.Phone(ana).Messages(), 2, "a phone keeps what it has")

	c.send(ana, "four", "k4")
	c.quiet()
	again := list("/contacts?channel=SMS&identity=15559876543", "contacts")
	require.Len(t, again, 1)
	require.NotEqual(t, anas, again[0])
	require.Len(t, messages(), 2)

	var told []string
	for _, call := range hook.all() {
		for _, key := range []string{"conversation_delete_notification", "contact_delete_notification"} {
			if call.parsed[key] != nil {
				told = append(told, key)
			}
		}
	}
	slices.Sort(told)
	require.Equal(t, []string{"contact_delete_notification", "conversation_delete_notification"}, told)
}

// A contact whose conversation was deleted gets another, and stays who it is.
func TestConversationBeginsAnew(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	c.Text(ana, "", "one")
	_, answer := c.do(http.MethodGet, project+"/conversations?app_id="+sinchtest.DefaultAppID, nil)
	first := ids(answer, "conversations")[0]
	c.do(http.MethodDelete, project+"/conversations/"+first, nil)
	c.Text(ana, "", "two")
	_, answer = c.do(http.MethodGet, project+"/conversations?app_id="+sinchtest.DefaultAppID, nil)
	require.Len(t, ids(answer, "conversations"), 1)
	require.NotEqual(t, first, ids(answer, "conversations")[0])
	_, answer = c.do(http.MethodGet, project+"/contacts", nil)
	require.Len(t, ids(answer, "contacts"), 1)
}

func TestDispatchKnowsNobody(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 1})
	c.send(ana, "one", "k1")
	c.quiet()
	_, answer := c.do(http.MethodGet, project+"/contacts", nil)
	require.Empty(t, ids(answer, "contacts"))
	_, answer = c.do(http.MethodGet, project+"/conversations?app_id="+sinchtest.DefaultAppID, nil)
	require.Empty(t, ids(answer, "conversations"))
	path := project + "/messages/" + c.Sent()[0].ID
	status, _ := c.do(http.MethodDelete, path, nil)
	require.Equal(t, http.StatusNotFound, status, "it is in the other source")
	c.Next(sinchtest.OneShot{On: sinchtest.OnDelete, Fault: sinchtest.FaultResetAfter})
	_, _, err := c.try(http.MethodDelete, path+"?messages_source=DISPATCH_SOURCE", nil)
	require.Error(t, err)
	status, _ = c.do(http.MethodDelete, path+"?messages_source=DISPATCH_SOURCE", nil)
	require.Equal(t, http.StatusNotFound, status, "it was deleted, although nobody heard of it")
	c.wait(func() bool { return c.Stats().Answers["delete reset"] == 1 })
}
