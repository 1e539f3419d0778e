package doctor

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sms"
)

// What the latest events tell is told to a person only once it is late.
func TestJudgesLife(t *testing.T) {
	t.Parallel()
	past := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	e := &examination{}
	l := life{looked: 3, text: past(time.Hour), receipt: past(30 * time.Minute), sent: past(5 * time.Minute)}
	require.Equal(t, Finding{Check: "life", Status: OK, Found: "last text of a contact 1h00m ago, last receipt 30m ago, last text that Sinch took 5m ago; of 3 conversations, those that began last"}, e.traffic(l, 3))
	require.Contains(t, e.traffic(l, 50).Found, "of 3 conversations, as many of the last 50 as could be read in time")
	l.sent = past(20 * time.Minute)
	require.Equal(t, Warn, e.traffic(l, 3).Status, "no receipt came for it")
	l.receipt = past(19 * time.Minute)
	require.Equal(t, OK, e.traffic(l, 3).Status)
	require.Equal(t, OK, e.traffic(life{looked: 1}, 1).Status)

	l.turns = []time.Time{past(time.Second), past(2 * time.Minute)}
	require.Equal(t, "2 open turns in these conversations, the oldest for 2m", e.responder(l).Found)
	require.Equal(t, OK, e.responder(l).Status)
	l.turns = append(l.turns, past(11*time.Minute))
	require.Equal(t, Warn, e.responder(l).Status)

	l.unread = []time.Time{past(time.Second)}
	require.Equal(t, OK, e.standing(l).Status)
	l.unread = append(l.unread, past(3*time.Minute), past(2*time.Minute))
	require.Equal(t, "2 conversations, the longest for 3m", e.standing(l).Found)
	require.Equal(t, Fail, e.standing(l).Status)
}

// A history's end is read backwards: what ended is met before what began it.
func TestReadsHistories(t *testing.T) {
	t.Parallel()
	temporal := startTemporal(t)
	const ana sms.Number = "+12025550174"
	reach := conversations.Client{Temporal: temporal, TaskQueue: "parley"}
	tell := func(e wire.Envelope, err error) {
		t.Helper()
		require.NoError(t, err)
		require.NoError(t, reach.Tell(t.Context(), ana, "", e))
	}
	texts := func(id, text string) {
		t.Helper()
		tell(wire.InboundEvent(sms.Inbound{ID: id, From: ana, Kind: sms.KindText, Text: text, AcceptedAt: time.Now()}, time.Now()))
	}
	texts("m1", "Hello?")
	texts("m2", "Anybody?")
	tell(wire.Envelope{Kind: "unknown"}, nil)

	keys, err := encryption.Open(slog.New(slog.DiscardHandler), nil)
	require.NoError(t, err)
	options := client.Options{Namespace: client.DefaultNamespace}
	encryption.Apply(&options, keys)
	e := &examination{Doctor: Doctor{Sample: 5}, server: &Server{Keys: keys, Desk: conversations.Desk{
		Client: reach, Namespace: options.Namespace, Converter: options.DataConverter,
	}}}
	read := func() life {
		runs, err := e.newest(t.Context())
		require.NoError(t, err)
		l, err := e.read(t.Context(), runs)
		require.NoError(t, err)
		return l
	}
	require.Eventually(t, func() bool { return read().looked == 1 }, time.Minute, 50*time.Millisecond)
	l := read()
	require.Len(t, l.unread, 1, "no worker has taken anything")
	require.False(t, l.text.IsZero())
	require.True(t, l.text.After(l.unread[0]), "it waits since the first")
	require.True(t, l.receipt.IsZero())
	require.True(t, l.sent.IsZero())

	w := worker.New(temporal, "parley", worker.Options{})
	engine.Register(w, &engine.Toolkit{Settings: wire.DefaultSettings()})
	w.RegisterActivity(&activities.Messaging{Carrier: carrier{}})
	w.RegisterActivity(&activities.Responder{})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	require.Eventually(t, func() bool { l = read(); return !l.sent.IsZero() && len(l.turns) == 0 }, time.Minute, 50*time.Millisecond)
	require.Empty(t, l.unread)
	tell(wire.ReceiptEvent(sms.Receipt{MessageID: taken, To: ana, Status: sms.StatusDelivered, At: time.Now()}, time.Now()))
	require.Eventually(t, func() bool { return !read().receipt.IsZero() }, time.Minute, 50*time.Millisecond)
}

// startTemporal starts a real server for one test.
func startTemporal(t *testing.T) client.Client {
	t.Helper()
	const path = "../../.bin/devserver"
	if _, err := os.Stat(path); err != nil || testing.Short() {
		t.Skip("needs a real server, .bin/devserver: run make build")
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "never", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		server.Client().Close()
		_ = server.Stop()
	})
	return server.Client()
}

// taken is the id of what the carrier took.
const taken = "01TAKEN"

// carrier takes every text.
type carrier struct{}

func (carrier) Send(context.Context, sms.Outbound) (sms.Accepted, error) {
	return sms.Accepted{MessageID: taken, At: time.Now()}, nil
}

func (carrier) Find(context.Context, sms.Search) (sms.Finding, error) { return sms.Finding{}, nil }
