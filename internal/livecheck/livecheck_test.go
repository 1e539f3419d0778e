package livecheck_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/livecheck"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

const ana = sms.Number("+15559876501")

// quick are waits for a simulator whose pauses are short.
var quick = livecheck.Waits{
	Person: 2 * time.Second, Behind: 500 * time.Millisecond, Receipt: 3 * time.Second,
	List: 10 * time.Second, Look: 10 * time.Millisecond,
	Retry: time.Second, Quiet: 500 * time.Millisecond, Hold: 4 * time.Second, Enough: time.Second, Refused: 300 * time.Millisecond,
}

// usual is a Sinch whose callbacks come one after the other.
func usual(readings sinchtest.Readings) sinchtest.Options {
	const step = 30 * time.Millisecond
	return sinchtest.Options{
		Readings: readings, RetryScale: 0.002, CallbackTimeout: 1200 * time.Millisecond,
		Delays: sinchtest.Delays{Submit: step, OnChannel: step, Final: step},
	}
}

// play is a check against a Sinch of its own.
type play struct {
	sim   *sinchtest.Server
	check livecheck.Check
}

func newPlay(t *testing.T, options sinchtest.Options) *play {
	t.Helper()
	sim := sinchtest.New(options)
	api := httptest.NewServer(sim)
	t.Cleanup(api.Close)
	t.Cleanup(sim.Close)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return &play{sim, livecheck.Check{
		Sinch: sinch.Config{
			ProjectID: sinchtest.DefaultProjectID, AppID: sinchtest.DefaultAppID,
			AccessKey: "key", AccessKeySecret: "key-secret", APIURL: api.URL, AuthURL: api.URL, Sender: sinchtest.DefaultSender,
		},
		To: ana, Senders: []sms.Sender{sinchtest.DefaultSender},
		URL: "http://" + listener.Addr().String() + "/", Listener: listener, Waits: quick,
	}}
}

// run makes the check with a person who does as told.
func (p *play) run(t *testing.T) livecheck.Report {
	t.Helper()
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To})
	require.NoError(t, err)
	require.Empty(t, p.sim.Webhooks(), "it takes its webhook away")
	return report
}

func result(t *testing.T, report livecheck.Report, number int) livecheck.Result {
	t.Helper()
	for _, r := range report.Results {
		if r.Number == number {
			return r
		}
	}
	t.Fatalf("there is no result %d", number)
	return livecheck.Result{}
}

// person does as told, and answers as the phone shows.
type person struct {
	sim   *sinchtest.Server
	phone sms.Number
	on    func(words string) // before it is done
	deaf  bool               // does nothing
	hasty bool               // waits for nothing but the receipts

	mu    sync.Mutex
	told  []string
	asked []string
}

func (p *person) Tell(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, words)
}

func (p *person) Do(_ context.Context, words string, _ time.Duration) <-chan struct{} {
	if p.on != nil {
		p.on(words)
	}
	skipped := make(chan struct{})
	switch back, text := strings.CutPrefix(words, "Text back: "); {
	case p.hasty && strings.HasPrefix(words, "Nothing to do") && !strings.Contains(words, "receipts"):
		close(skipped)
	case p.deaf && !strings.HasPrefix(words, "Nothing to do"):
		close(skipped)
	case text:
		back, _, _ = strings.Cut(back, ".")
		p.sim.Text(p.phone, "", back)
	case strings.HasPrefix(words, "Send a picture"):
		p.sim.Post(p.phone, "", picture())
	case strings.HasPrefix(words, "Send a text"):
		p.sim.Text(p.phone, "", strings.Repeat("A long text. ", 20))
	}
	return skipped
}

func (p *person) Ask(_ context.Context, question string) livecheck.Reply {
	p.mu.Lock()
	p.asked = append(p.asked, question)
	p.mu.Unlock()
	shown := ""
	switch {
	case strings.Contains(question, "sent after STOP"):
		shown = "sent after STOP"
	case strings.Contains(question, "unsubscribed"):
		shown = "NETWORK MSG"
	case strings.Contains(question, "Did you send it") && !p.deaf:
		return livecheck.Yes
	default:
		return livecheck.Unknown
	}
	for _, m := range p.sim.Phone(p.phone).Messages() {
		if strings.Contains(m.Text, shown) && m.Status == sinchtest.Delivered {
			return livecheck.Yes
		}
	}
	return livecheck.No
}

func TestAsBelieved(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	report := p.run(t)
	require.Empty(t, report.Readings)
	require.Len(t, report.Results, 25)
	unknown := map[int]livecheck.Verdict{
		10: livecheck.NotProbed, 17: livecheck.NotSeen, 21: livecheck.NotSeen, 22: livecheck.NotProbed, 24: livecheck.NotProbed, 25: livecheck.NotProbed,
	}
	for _, r := range report.Results {
		t.Logf("%2d %-85s %-16s %s", r.Number, r.Assumption, r.Says(), r.Fact)
		want := livecheck.AsBelieved
		if verdict, ok := unknown[r.Number]; ok {
			want = verdict
		}
		require.Equal(t, want, r.Verdict, r.Assumption)
	}
	document, err := json.Marshal(report)
	require.NoError(t, err)
	require.NotContains(t, string(document), ana.Masked())
	require.NotContains(t, string(document), strings.TrimPrefix(string(ana), "+"))
	require.NotContains(t, strings.ToLower(string(document)), "secret")
}

func picture() sinchtest.Content {
	return sinchtest.Content{Media: &sinchtest.Media{URL: "https://media.example.com/of-mine.jpg", Caption: "hello"}}
}
