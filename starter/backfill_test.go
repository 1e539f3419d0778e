package main

import (
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/settings"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// sinch gives the installation a Sinch that has no webhook to call.
func (w *world) sinch(options sinchtest.Options) *sinchtest.Server {
	w.t.Helper()
	options.Senders = []sms.Sender{"+12065550100", "+12065550101"}
	sim := sinchtest.New(options)
	listener := httptest.NewServer(sim)
	w.t.Cleanup(listener.Close)
	w.t.Cleanup(sim.Close)
	maps.Copy(w.env, settings.Env{
		"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID, "SINCH_SMS_SENDER": "+12065550100,+12065550101",
		"SINCH_ACCESS_KEY": "key", "SINCH_ACCESS_KEY_SECRET": "key-secret", "SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
	})
	return sim
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sim := w.sinch(sinchtest.Options{})
	w.work()
	const ana, ben sms.Number = "+12025550190", "+12025550191"

	require.Equal(t, "0 found, 0 known, 0 signalled\n", w.does("backfill", "--since", "2h"))
	known := sim.Text(ana, "", "I arrived.")
	w.texts(ana, known, "I arrived.")
	lost := sim.Text(ana, "", "I did not.")
	toOther := sim.Text(ben, "+12065550101", "Stop")
	w.eventually("I arrived.", "show", string(ana))

	would := w.does("backfill", "--since", "2h", "--dry-run")
	require.Regexp(t, `(?m)^\+12025550190 +– +\d.* `+lost+` +would be signalled$`, would)
	require.Regexp(t, `(?m)^\+12025550191 +\+12065550101 +\d.* `+toOther+` +would be signalled$`, would)
	require.Contains(t, would, "\n3 found, 1 known, 2 to be signalled\n")
	require.Contains(t, w.does("backfill", "--since", "2h", "--dry-run"), "3 found, 1 known, 2 to be signalled\n", "nothing has been done")

	did := unmarshal[backfilled](t, w.does("backfill", "--since", "2h", "--json"))
	require.Equal(t, []int{3, 1, 2, 0}, []int{did.Found, did.Known, did.Signalled, did.Unsure})
	require.Equal(t, lost, did.Texts[0].MessageID, "oldest first")
	w.eventually("I did not.", "show", string(ana))
	w.eventually("opted out", "show", string(ben), "--from", "+12065550101")
	require.Equal(t, "3 found, 3 known, 0 signalled\n", w.does("backfill", "--since", "2h"))

	require.Contains(t, w.fails(2, "backfill"), "missing flags: --since")
	require.Contains(t, w.fails(2, "backfill", "--since=-1h"), "--since must be longer than nothing")
	require.Contains(t, w.fails(1, "backfill", "--since", "9000h"), "messages of this app are kept by Sinch for 180 days: --since must not be longer than 4320h")
}

// A conversation that has closed would take a text that it knows as a new one.
func TestBackfillOfClosedConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sim := w.sinch(sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 7})
	w.settings.IdleAfter = 50 * time.Millisecond
	w.work()
	const ana sms.Number = "+12025550192"

	var known []string
	for _, words := range []string{"First", "Second"} { // in a conversation each
		known = append(known, sim.Text(ana, "", words))
		w.texts(ana, known[len(known)-1], words)
		require.Eventually(t, func() bool {
			state, err := w.reach.State(t.Context(), ana, "")
			info, _ := conversations.Describe(t.Context(), w.temporal, wire.ID(ana, ""), "")
			return err == nil && slices.ContainsFunc(conversations.Messages(&state), func(m wire.Message) bool { return m.MessageID == known[len(known)-1] }) && !conversations.IsRunning(info.GetWorkflowExecutionInfo())
		}, time.Minute, 20*time.Millisecond)
	}
	lost := sim.Text(ana, "", "Third")
	require.Eventually(t, func() bool {
		did := unmarshal[backfilled](t, w.does("backfill", "--since", "2h", "--dry-run", "--json"))
		return did.Known == 2 && did.Signalled == 1 && did.Texts[0].MessageID == lost
	}, time.Minute, 50*time.Millisecond, "lists are late")
	w.does("backfill", "--since", "2h")
	w.eventually("Third", "show", string(ana))
}

func TestBackfillWithoutAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sim := w.sinch(sinchtest.Options{})
	const ana sms.Number = "+12025550193"
	sim.Text(ana, "", "Hello")
	require.Contains(t, w.does("backfill", "--since", "2h"), "1 found, 0 known, 1 signalled\n", "there is nobody to ask")
	require.Contains(t, w.fails(1, "backfill", "--since", "2h", "--timeout", "1s"), "after 0 of 1 text: a running conversation answers only while a worker runs")
}

func TestBackfillIsImpossible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sinch(sinchtest.Options{Mode: sinchtest.Dispatch})
	require.Equal(t, "parley: nothing can be brought in: the app is in DISPATCH mode and Sinch keeps none of its messages; with a dispatch retention, or in CONVERSATION mode, it would keep later ones\n",
		w.fails(1, "backfill", "--since", "2h"))
	delete(w.env, "SINCH_ACCESS_KEY")
	require.Contains(t, w.fails(1, "backfill", "--since", "2h"), "set SINCH_ACCESS_KEY")
}

func TestKeeps(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	require.NoError(t, keeps(sinch.App{ProcessingMode: "CONVERSATION"}, 1000*day))
	require.NoError(t, keeps(sinch.App{ProcessingMode: "CONVERSATION", RetentionDays: 2}, 2*day))
	require.NoError(t, keeps(sinch.App{ProcessingMode: "DISPATCH", RetentionDays: 1, DispatchRetentionDays: 7}, 7*day))
	require.ErrorContains(t, keeps(sinch.App{ProcessingMode: "DISPATCH", RetentionDays: 180, DispatchRetentionDays: 1}, 25*time.Hour), "for 1 day: --since must not be longer than 24h")
	require.ErrorContains(t, keeps(sinch.App{ProcessingMode: "DISPATCH", RetentionDays: 180}, time.Hour), "nothing can be brought in")
}

func TestFate(t *testing.T) {
	t.Parallel()
	m := memory{ids: map[string]bool{"01KNOWN": true}, since: at("10:00:00")}
	for _, test := range []struct {
		text sms.Inbound
		want fate
	}{
		{sms.Inbound{ID: "01KNOWN", AcceptedAt: at("09:00:00")}, fateKnown},
		{sms.Inbound{ID: "01KNOWN", AcceptedAt: at("11:00:00")}, fateKnown},
		{sms.Inbound{ID: "01OLD", AcceptedAt: at("09:59:59")}, fateUnsure},
		{sms.Inbound{ID: "01TIMELESS"}, fateUnsure},
		{sms.Inbound{ID: "01LOST", AcceptedAt: at("10:00:00")}, fateSignalled},
	} {
		require.Equal(t, test.want, m.fate(test.text), test.text.ID)
	}
}

// A conversation that has let go of texts cannot say that it never knew one
// which is older than those it has.
func TestBackfillBeyondMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sim := w.sinch(sinchtest.Options{})
	w.work()
	const ana sms.Number = "+12025550194"

	w.texts(ana, "01EARLY", "Hello")
	lost := sim.Text(ana, "", "Who knows")
	w.fill(ana)
	later := sim.Text(ana, "", "Still there?")
	w.texts(ana, later, "Still there?")
	w.eventually("Still there?", "show", string(ana))
	did := unmarshal[backfilled](t, w.does("backfill", "--since", "2h", "--json"))
	require.Equal(t, []int{2, 1, 0, 1}, []int{did.Found, did.Known, did.Signalled, did.Unsure})
	require.Equal(t, lost, did.Texts[0].MessageID)
	require.Contains(t, w.does("backfill", "--since", "2h"), "2 found, 1 known, 0 signalled, 1 unsure\n")
}
