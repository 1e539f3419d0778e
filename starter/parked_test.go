package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
)

// parks has one text to each parked, since the carrier denies everything, and
// waits until lists know it.
func (w *world) parks(contacts ...sms.Number) {
	w.t.Helper()
	w.carrier.set(func(c *carrier) { c.denies = true })
	for _, contact := range contacts {
		w.does("send", string(contact), "Your table is ready.", "--queue")
	}
	for _, contact := range contacts {
		w.eventually(string(contact), "parked")
	}
	w.carrier.set(func(c *carrier) { c.denies = false })
}

func TestParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.work()
	const ana, ben, cleo sms.Number = "+12025550160", "+12025550161", "+12025550162"
	w.env["SINCH_SMS_SENDER"] = "+12065550100,+12065550101"

	require.Equal(t, "nothing is parked\n", w.does("parked"))
	require.Equal(t, "[]\n", w.does("parked", "--json"))
	w.says(cleo, "All is well.")
	w.parks(ana)
	w.carrier.set(func(c *carrier) { c.denies = true })
	w.does("send", string(ben), "Hi", "--from", "+12065550101")
	w.eventually(string(ben), "parked")
	stop()

	rows := unmarshal[parkedRows](t, w.does("parked", "--json"))
	require.Len(t, rows, 2)
	require.Equal(t, ana, rows[0].Number, "the one that waits longest is first")
	require.Equal(t, wire.ParkedDenied, rows[0].Code)
	require.NotEmpty(t, rows[0].ID)
	require.Equal(t, sms.Sender("+12065550101"), rows[1].Sender)
	printed := w.does("parked")
	require.Regexp(t, `^NUMBER +SENDER +AGE +CODE +REASON +ID\n`, printed)
	require.Regexp(t, `(?m)^\+12025550160 +– +\d+s +send-denied +the carrier takes no messages from this account: FORBIDDEN +`+rows[0].ID+`$`, printed)
	require.NotContains(t, printed, cleo)

	require.Len(t, unmarshal[parkedRows](t, w.does("parked", "--json", "--limit", "1")), 1)
	require.Len(t, unmarshal[parkedRows](t, w.does("parked", "--json", "--reason", "loop,send-denied", "--since", "1h")), 2)
	require.Empty(t, unmarshal[parkedRows](t, w.does("parked", "--json", "--reason", "loop", "--reason", "in-doubt")))
	require.Empty(t, unmarshal[parkedRows](t, w.does("parked", "--json", "--since", "1ns")))
	require.Contains(t, w.fails(2, "parked", "--reason", "because"), "--reason: a reason is one of responder-unreachable, responder-bad-answer, ")
	require.Contains(t, w.fails(2, "parked", "--since", "0s"), "--since must be longer than nothing")
}

// Without search attributes all running conversations are looked through.
func TestParkedWithoutSearchAttributes(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]bool{"registered since": true, "not registered": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBareWorld(t, attributes)
			w.work()
			const ana sms.Number = "+12025550163"
			w.parks(ana)
			require.Len(t, unmarshal[parkedRows](t, w.does("parked", "--json")), 1)
			require.Contains(t, w.does("retry", "--all"), "told 1 conversation to try 1 parked thing again\n")
			w.eventually("sent ✓ · repeats that of ", "show", string(ana))
		})
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.work()
	const ana, ben, nobody sms.Number = "+12025550164", "+12025550165", "+12025550169"
	w.parks(ana)
	w.says(ben, "All is well.")
	stop()

	id := unmarshal[parkedRows](t, w.does("parked", "--json"))[0].ID
	require.Equal(t, "+12025550164  would be tried again  send-denied  "+id+"\n", w.does("retry", string(ana), "--dry-run"))
	require.Equal(t, "parley: with +12025550165: nothing is parked\n", w.fails(1, "retry", string(ben)))
	require.Equal(t, "parley: no conversation with +12025550169 is running, so nothing is parked there\n", w.fails(1, "retry", string(nobody)))
	require.Equal(t, "parley: no conversation with +12025550164 over +12065550101 is running, so nothing is parked there\n", w.fails(1, "retry", string(ana), "--from", "+12065550101"))
	require.Equal(t, "parley: with +12025550164: something is parked, but not that: see parley parked\n", w.fails(1, "retry", string(ana), "--reason", "loop"))
	require.Contains(t, w.fails(1, "retry", string(ana), "--id", "x/p1"), "but not that")
	for _, line := range []string{"retry", "retry +12025550164 --all"} {
		require.Contains(t, w.fails(2, strings.Fields(line)...), "name a number, or --all")
	}
	require.Contains(t, w.fails(2, "retry", "--all", "--rate", "10"), "--rate: write a rate like 10/s")

	did := unmarshal[mended](t, w.does("retry", string(ana), "--id", id, "--json"))
	require.Equal(t, 1, did.Total)
	require.Equal(t, id, did.Conversations[0].Parked[0].ID)
	w.work() // the word waited for it
	story := w.eventually("sent ✓ · repeats that of ", "show", string(ana))
	require.Regexp(t, `(?m)^Tried again \d.* by `+userName()+`\n            send-denied · `+id+`$`, story)
	require.Equal(t, "parley: with +12025550164: nothing is parked\n", w.fails(1, "retry", string(ana)))
	require.Equal(t, []string{"All is well.", "Your table is ready."}, w.carrier.sent())
}

func TestRetryAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana, ben, cleo sms.Number = "+12025550166", "+12025550167", "+12025550168"
	w.parks(ana, ben, cleo)
	w.texts(cleo, "01STOP", "Stop")
	w.eventually(string(cleo), "list", "--state", "optedout")

	require.Equal(t, mended{Conversations: []mendedConversation{}}, unmarshal[mended](t, w.does("retry", "--all", "--reason", "loop", "--json")))
	would := w.does("retry", "--all", "--dry-run")
	require.Equal(t, 2, strings.Count(would, "  would be tried again  send-denied  "))
	require.Contains(t, would, "+12025550168  left out: the contact opted out, so nothing can be tried again\n")
	require.Contains(t, would, "would tell 2 conversations to try 2 parked things again\n")
	require.NotContains(t, w.carrier.sent(), "Your table is ready.")

	did := unmarshal[mended](t, w.does("retry", "--all", "--reason", "send-denied", "--since", "1h", "--rate", "500/s", "--json"))
	require.Equal(t, 2, did.Total)
	require.Len(t, did.Conversations, 3)
	for _, contact := range []sms.Number{ana, ben} {
		w.eventually("sent ✓ · repeats that of ", "show", string(contact))
	}
	require.Eventually(t, func() bool { return len(unmarshal[parkedRows](t, w.does("parked", "--json"))) == 1 }, time.Minute, 50*time.Millisecond)
	require.Contains(t, w.fails(1, "retry", string(cleo)), "the contact opted out, so nothing can be tried again")
}

// A redrive that is interrupted says how far it came.
func TestRetryInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	w.parks("+12025550166", "+12025550167", "+12025550168")
	ctx, cancel := context.WithCancel(t.Context())
	var complaints strings.Builder
	out := &announcing{begun: make(chan struct{})}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"retry", "--all", "--rate", "1/h"}, w.env, strings.NewReader(""), out, &complaints)
	}()
	<-out.begun
	cancel()
	require.Equal(t, 1, <-code)
	require.Equal(t, "parley: after 1 of 3 conversations: interrupted; the same command goes on with the rest\n", complaints.String())
	require.Contains(t, out.text.String(), "\ntold 1 conversation to try 1 parked thing again\n")
}

func TestSkip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana, ben sms.Number = "+12025550170", "+12025550171"
	w.parks(ana)
	id := unmarshal[parkedRows](t, w.does("parked", "--json"))[0].ID

	require.Contains(t, w.fails(2, "skip", string(ana)), "missing flags: --why")
	require.Contains(t, w.fails(2, "skip", string(ana), "--why", " "), "--why is empty")
	require.Contains(t, w.fails(1, "skip", string(ana), "--why", "old", "--reason", "loop"), "but not that")
	require.Equal(t, "+12025550170  is given up  send-denied  "+id+"\n", w.does("skip", string(ana), "--why", "The table is gone."))
	story := w.eventually("Given up ", "show", string(ana))
	require.Regexp(t, `(?m)^Given up \d.* by `+userName()+`: The table is gone\.\n            send-denied · `+id+`$`, story)
	require.NotContains(t, story, "Needs attention")
	require.Equal(t, "parley: with +12025550170: nothing is parked\n", w.fails(1, "skip", string(ana), "--why", "again"))

	// What only asks for attention has been seen, too.
	w.carrier.set(func(c *carrier) { c.refuses = true })
	w.does("send", string(ben), "Hi")
	w.eventually("Needs attention", "show", string(ben))
	require.Equal(t, "+12025550171  needs nobody any more: the carrier refused a message: PERMISSION_DENIED\n", w.does("skip", string(ben), "--why", "We know."))
	require.Eventually(t, func() bool { return !strings.Contains(w.does("show", string(ben)), "Needs attention") }, time.Minute, 50*time.Millisecond)
	require.Contains(t, w.fails(1, "retry", string(ben)), "nothing is parked")
}

func TestPace(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]float64{"10/s": 10, " 30/m": 0.5, "7200/h": 2} {
		p, err := parsePace(written)
		require.NoError(t, err)
		require.InDelta(t, want, float64(p), 1e-9)
	}
	for _, written := range []string{"", "10", "0/s", "-1/s", "10/d", "1.5/s", "10/s/s", "99999999999/s"} {
		_, err := parsePace(written)
		require.ErrorIs(t, err, errNoPace, written)
	}
}
