package livecheck_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/livecheck"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// TestOtherReadings: each reading of the simulator is found out, and what is
// reported makes another simulator behave the same.
func TestOtherReadings(t *testing.T) {
	t.Parallel()
	const mexican = sms.Number("+525512345678")
	tests := []struct {
		name    string
		number  int
		to      sms.Number
		options sinchtest.Options
		reading string // empty: the field with a duration that is measured
		field   string
	}{
		{name: "receipt time", number: 1, options: usual(sinchtest.Readings{ReceiptTime: sinchtest.ReceiptTimeOfCallback}), reading: "receipt_time=callback"},
		{name: "list lag", number: 2, options: usual(sinchtest.Readings{ListLag: sinchtest.Duration(700 * time.Millisecond)}), field: "list_lag"},
		{name: "metadata hidden", number: 3, options: usual(sinchtest.Readings{ListHidesMetadata: true}), reading: "list_hides_metadata=true"},
		{name: "words trimmed", number: 3, options: usual(sinchtest.Readings{ListWords: sinchtest.ListWordsTrimmed}), reading: "list_words=trimmed"},
		{name: "words with LF", number: 3, options: usual(sinchtest.Readings{ListWords: sinchtest.ListWordsLF}), reading: "list_words=lf"},
		{name: "words composed", number: 3, options: usual(sinchtest.Readings{ListWords: sinchtest.ListWordsNFC}), reading: "list_words=nfc"},
		{name: "retries end", number: 4, options: usual(sinchtest.Readings{RetryFor: sinchtest.Duration(40 * time.Second)}), field: "retry_for"},
		{name: "signed again", number: 5, options: usual(sinchtest.Readings{SignAgain: true}), reading: "sign_again=true"},
		{name: "refused is retried", number: 6, options: usual(sinchtest.Readings{RetryRefused: true}), reading: "retry_refused=true"},
		{name: "STOP blocks", number: 8, options: usual(sinchtest.Readings{NetworkStops: sinchtest.NetworkBlocks}), reading: "network_stops=blocks"},
		{name: "STOP is swallowed", number: 8, options: usual(sinchtest.Readings{NetworkStops: sinchtest.NetworkSwallows}), reading: "network_stops=swallows"},
		{name: "plus sign", number: 9, options: usual(sinchtest.Readings{Plus: true}), reading: "plus=true"},
		{name: "other form", number: 10, to: mexican, options: usual(sinchtest.Readings{OtherForms: true}), reading: "other_forms=true"},
		{name: "exact identities", number: 11, options: usual(sinchtest.Readings{ExactIdentities: true}), reading: "exact_identities=true"},
		{name: "caption as a text", number: 12, options: usual(sinchtest.Readings{Captions: sinchtest.CaptionAsText}), reading: "captions=text"},
		{name: "caption dropped", number: 12, options: usual(sinchtest.Readings{Captions: sinchtest.CaptionDropped}), reading: "captions=dropped"},
		{name: "long text in parts", number: 13, options: usual(sinchtest.Readings{LongTexts: sinchtest.LongTextInParts}), reading: "long_texts=parts"},
		{name: "channel checked late", number: 14, options: usual(sinchtest.Readings{ChannelCheckedLate: true}), reading: "channel_checked_late=true"},
		{name: "clock ahead", number: 15, options: usual(sinchtest.Readings{Clock: sinchtest.Offset(2 * time.Minute)}), field: "clock"},
		{name: "clock behind", number: 15, options: usual(sinchtest.Readings{Clock: sinchtest.Offset(-2 * time.Minute)}), field: "clock"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(options sinchtest.Options) livecheck.Report {
				p := newPlay(t, options)
				p.check.Only = []int{tt.number}
				if tt.to != "" {
					p.check.To = tt.to
				}
				return p.run(t)
			}
			report := check(tt.options)
			found := result(t, report, tt.number)
			t.Log(found.Says(), "·", found.Fact)
			require.Equal(t, livecheck.Other, found.Verdict, found.Fact)
			if tt.reading != "" {
				require.Equal(t, tt.reading, found.Reading)
			} else {
				require.Contains(t, found.Reading, tt.field+"=")
			}

			written, err := json.Marshal(report.Readings)
			require.NoError(t, err)
			readings, err := sinchtest.ParseReadings(string(written))
			require.NoError(t, err)
			require.NotZero(t, readings)
			again := result(t, check(usual(readings)), tt.number)
			require.Equal(t, livecheck.Other, again.Verdict, again.Fact)
			if tt.reading != "" {
				require.Equal(t, found.Reading, again.Reading)
			}

			believed := result(t, check(usual(sinchtest.Readings{})), tt.number)
			require.Equal(t, livecheck.AsBelieved, believed.Verdict, "without the reading: %s", believed.Fact)
		})
	}
}

// TestAllOtherReadings: a Sinch that differs in everything is reported so that
// the simulator differs in the same.
func TestAllOtherReadings(t *testing.T) {
	t.Parallel()
	check := func(readings sinchtest.Readings) (map[int]livecheck.Verdict, livecheck.Report) {
		p := newPlay(t, usual(readings))
		p.check.To = "+525512345678"
		report := p.run(t)
		verdicts := map[int]livecheck.Verdict{}
		for _, r := range report.Results {
			verdicts[r.Number] = r.Verdict
		}
		return verdicts, report
	}
	all := sinchtest.Readings{
		ReceiptTime: sinchtest.ReceiptTimeOfCallback, ListLag: sinchtest.Duration(500 * time.Millisecond), ListHidesMetadata: true,
		ListWords: sinchtest.ListWordsNFC, SignAgain: true, RetryRefused: true, NetworkStops: sinchtest.NetworkBlocks,
		Plus: true, OtherForms: true, Captions: sinchtest.CaptionAsText, LongTexts: sinchtest.LongTextInParts,
		ChannelCheckedLate: true, Clock: sinchtest.Offset(-2 * time.Minute),
	}
	verdicts, report := check(all)
	for _, number := range []int{1, 2, 3, 5, 6, 8, 9, 10, 12, 13, 14, 15} {
		require.Equal(t, livecheck.Other, verdicts[number], result(t, report, number).Fact)
	}
	document, err := json.Marshal(report)
	require.NoError(t, err)
	require.NotContains(t, string(document), "5512345678")

	written, err := json.Marshal(report.Readings)
	require.NoError(t, err)
	seen, err := sinchtest.ParseReadings(string(written))
	require.NoError(t, err)
	again, _ := check(seen)
	require.Equal(t, verdicts, again)
	seen.ListLag, all.ListLag = 0, 0 // which is measured
	require.Equal(t, all, seen)
}

// TestOtherThanReadings: what no reading of the simulator stands for.
func TestOtherThanReadings(t *testing.T) {
	t.Parallel()
	short := usual(sinchtest.Readings{})
	short.CallbackTimeout = 50 * time.Millisecond
	token := usual(sinchtest.Readings{})
	token.TokenLifetime = 10 * time.Minute
	dispatch := usual(sinchtest.Readings{})
	dispatch.Mode = sinchtest.Dispatch
	tests := []struct {
		name    string
		number  int
		options sinchtest.Options
		verdict livecheck.Verdict
		says    string
	}{
		{"impatient", 7, short, livecheck.Other, "no longer than"},
		{"short token", 16, token, livecheck.Other, "9m59s"},
		{"throttled", 17, faulty(sinchtest.Faults{Next: []sinchtest.OneShot{{
			Fault: sinchtest.FaultError, Status: http.StatusTooManyRequests, RetryAfter: sinchtest.Duration(time.Second),
		}}}), livecheck.Other, "Retry-After: 1"},
		{"submitted first", 19, faulty(sinchtest.Faults{CallbacksFirst: 1}), livecheck.Other, "before the answer"},
		{"twice", 23, faulty(sinchtest.Faults{Callbacks: sinchtest.CallbackFaults{Duplicate: 1}}), livecheck.Other, "again"},
		{"no list", 2, dispatch, livecheck.NotProbed, "CONVERSATION"},
		{"no reference", 20, dispatch, livecheck.NotProbed, "CONVERSATION"},
		{"no receipts", 1, faulty(sinchtest.Faults{Receipts: sinchtest.NoReceipts}), livecheck.NotSeen, "not seen"},
		{"no text", 9, faulty(sinchtest.Faults{Errors: map[int]float64{http.StatusForbidden: 1}}), livecheck.NotProbed, "PERMISSION_DENIED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, tt.options)
			p.check.Only = []int{tt.number, 1} // 1 sends the text
			found := result(t, p.run(t), tt.number)
			require.Equal(t, tt.verdict, found.Verdict, found.Fact)
			require.Contains(t, found.Says(), tt.says)
		})
	}
}

func faulty(faults sinchtest.Faults) sinchtest.Options {
	options := usual(sinchtest.Readings{})
	options.Faults = faults
	return options
}
