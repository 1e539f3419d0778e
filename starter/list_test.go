package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/sms"
)

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana, ben, cleo sms.Number = "+12025550130", "+12025550131", "+12025550132"
	w.does("start", "Feedback", "--input", `{"contact":"+12025550130","business_name":"Harbor Dental"}`)
	w.texts(ben, "in-1", "Stop")
	w.does("send", string(cleo), "Hi")

	w.eventually(string(ana), "list", "--state", "asking")
	w.eventually(string(ben), "list", "--state", "optedout")
	w.eventually(string(cleo), "list", "--state", "open")

	all := unmarshal[listed](t, w.does("list", "--json"))
	states := map[sms.Number]conversations.Row{}
	for _, c := range all {
		states[c.Number] = c
	}
	require.Equal(t, "asking", states[ana].State)
	require.Equal(t, []string{"Feedback"}, states[ana].Scripts)
	require.Equal(t, "optedout", states[ben].State)
	require.Equal(t, "open", states[cleo].State)
	require.Empty(t, states[cleo].Attention)
	require.Len(t, unmarshal[listed](t, w.does("list", "--json", "--limit", "2")), 2)
	require.Regexp(t, `(?m)^NUMBER +SENDER +STATE +SCRIPT +STARTED +ATTENTION$`, w.does("list"))
	require.Regexp(t, `(?m)^\+12025550130 +– +asking +Feedback +\d.* –$`, w.does("list"))

	w.carrier.mu.Lock()
	w.carrier.refuses = true
	w.carrier.mu.Unlock()
	w.does("send", string(cleo), "Hi again")
	require.Regexp(t, `(?m)^\+12025550132 +– +open .* the carrier refused a message: PERMISSION_DENIED$`, w.eventually(string(cleo), "list", "--attention"))
	require.Contains(t, w.does("show", string(cleo)), "failed ! ")

	require.Contains(t, w.fails(2, "list", "--state", "closed"), "--state must be one of")
	require.Contains(t, w.fails(2, "list", "--limit", "0"), "--limit must be 1 or more")
}

func TestListWithoutConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bare := newNamespace(t, w.temporal)
	w.env["TEMPORAL_NAMESPACE"] = bare

	require.Equal(t, "no such conversation is running\n", w.does("list"))
	require.Equal(t, "[]\n", w.does("list", "--json"))
	require.Contains(t, w.fails(1, "list", "--attention"), "namespace \""+bare+"\" lacks the search attributes ParleyState, ParleyNeedsAttention and ParleyScript")
}
