package livecheck_test

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/livecheck"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// TestInterrupted: what ends in the middle leaves no webhook, and tells what it
// knows.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		"Nothing to do: the receipts", "Text back: hello", "Nothing to do: the answer", "Nothing to do: the text is refused",
		"Send a picture", "Send a text", "Text back: STOP", "Text back: START",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, usual(sinchtest.Readings{}))
			run, err := livecheck.Prepare(t.Context(), p.check)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ana := &person{sim: p.sim, phone: p.check.To, on: func(words string) {
				if strings.HasPrefix(words, at) {
					require.Len(t, p.sim.Webhooks(), 1)
					cancel()
				}
			}}
			report, err := run.Do(ctx, ana)
			require.EqualError(t, err, "ended before all was asked")
			require.Empty(t, p.sim.Webhooks())
			require.Len(t, report.Results, 25)
			require.Equal(t, livecheck.AsBelieved, result(t, report, 15).Verdict, "the clock is known from the first answer on")
			require.NotEmpty(t, report.Answers)
			if strings.Contains(at, "ST") {
				require.Contains(t, strings.Join(ana.told, " "), "the phone stays opted out")
			}
		})
	}
}

func TestWebhookStays(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	p.check.Only = []int{9}
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To, on: func(string) {
		p.sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, On: sinchtest.OnWebhooks})
	}})
	left := p.sim.Webhooks()[0]
	require.ErrorContains(t, err, "run parley webhook delete "+left.ID)
	require.NotContains(t, err.Error(), left.Secret)
	require.Equal(t, livecheck.AsBelieved, result(t, report, 9).Verdict)

	again := newPlay(t, usual(sinchtest.Readings{}))
	again.check.Sinch, again.check.URL = p.check.Sinch, p.check.URL
	_, err = livecheck.Prepare(t.Context(), again.check)
	require.ErrorContains(t, err, "parley webhook delete "+left.ID)
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(p *play)
		says   string
	}{
		"a number of ours": {func(p *play) { p.check.To = sms.Number(sinchtest.DefaultSender) }, "one of SINCH_SMS_SENDER"},
		"no URL":           {func(p *play) { p.check.URL = "live-check" }, "whole one"},
		"no assumption":    {func(p *play) { p.check.Skip = []int{0} }, "there is no assumption 0"},
		"another project":  {func(p *play) { p.check.Sinch.ProjectID = "elsewhere" }, "check SINCH_PROJECT_ID"},
		"full": {func(p *play) {
			for i := range 5 {
				_, err := p.sim.AddWebhook(sinchtest.Webhook{Target: "https://sms.example.com/" + strconv.Itoa(i)})
				require.NoError(t, err)
			}
		}, "can have no more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, usual(sinchtest.Readings{}))
			tt.change(p)
			_, err := livecheck.Prepare(t.Context(), p.check)
			require.ErrorContains(t, err, tt.says)
			require.Empty(t, p.sim.Sent())
		})
	}
}

// TestLeadsElsewhere: a tunnel to another program is noticed before anything is sent.
func TestLeadsElsewhere(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	p.check.URL = p.check.Sinch.APIURL
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To})
	require.ErrorContains(t, err, "the URL leads somewhere else")
	require.Empty(t, p.sim.Sent())
	for _, r := range report.Results {
		require.Equal(t, livecheck.NotProbed, r.Verdict)
	}
}

// TestNobodyDoes: what the person leaves out is not probed, and the rest is.
func TestNobodyDoes(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	p.check.Skip = []int{6}
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	require.Equal(t, livecheck.Plan{Steps: []string{"text", "reply", "picture", "long", "channel", "stop"}, Texts: 2, Segments: 2, PhoneTexts: 5, Stops: true}, run.Plan())
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To, deaf: true})
	require.NoError(t, err)
	require.Len(t, report.Results, 24)
	for number, want := range map[int]livecheck.Verdict{
		1: livecheck.AsBelieved, 4: livecheck.NotProbed, 8: livecheck.NotProbed, 12: livecheck.NotProbed, 13: livecheck.NotProbed, 14: livecheck.AsBelieved,
	} {
		require.Equal(t, want, result(t, report, number).Verdict)
	}
}

// TestHasty: a wait that is cut short proves nothing.
func TestHasty(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	p.check.Only = []int{4, 5, 6, 7}
	p.check.Waits.Refused, p.check.Waits.Quiet = time.Minute, time.Minute
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To, hasty: true})
	require.NoError(t, err)
	for number, want := range map[int]livecheck.Verdict{
		4: livecheck.NotSeen, 5: livecheck.NotSeen, 6: livecheck.NotSeen, 7: livecheck.NotProbed,
	} {
		require.Equal(t, want, result(t, report, number).Verdict, number)
	}
}

// TestStrangers: what is about other phones, or not signed, is not kept.
func TestStrangers(t *testing.T) {
	t.Parallel()
	p := newPlay(t, usual(sinchtest.Readings{}))
	p.check.Only = []int{9}
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	report, err := run.Do(t.Context(), &person{sim: p.sim, phone: p.check.To, on: func(string) {
		p.sim.Text("+15559876502", "", "Not for this report")
	}})
	require.NoError(t, err)
	require.Equal(t, livecheck.AsBelieved, result(t, report, 9).Verdict)
	for _, c := range report.Callbacks {
		require.Contains(t, c.Body, "15559876543")
		require.NotContains(t, c.Body, "Not for this report")
	}
}

// TestDocumented: docs/sinch.md has the same assumptions under the same numbers.
func TestDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/sinch.md")
	require.NoError(t, err)
	p := newPlay(t, usual(sinchtest.Readings{}))
	run, err := livecheck.Prepare(t.Context(), p.check)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := run.Do(ctx, &person{})
	require.Error(t, err)
	rows := regexp.MustCompile(`(?m)^\| ([0-9]+) \| ([^|]*) \|`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, len(report.Results))
	for i, row := range rows {
		require.Equal(t, strconv.Itoa(report.Results[i].Number), row[1])
		require.Equal(t, report.Results[i].Assumption, strings.ReplaceAll(row[2], "`", ""))
	}
}
