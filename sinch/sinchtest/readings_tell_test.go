package sinchtest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
	"parley/sms"
)

// TestReceiptTime: accepted_time is that of the text, or that of each callback.
func TestReceiptTime(t *testing.T) {
	t.Parallel()
	for reading, same := range map[sinchtest.ReceiptTime]bool{"": true, sinchtest.ReceiptTimeOfCallback: false} {
		c, h := startWithHook(t, sinchtest.Options{
			Readings: sinchtest.Readings{ReceiptTime: reading}, Delays: sinchtest.Delays{Submit: time.Millisecond, OnChannel: time.Millisecond},
		})
		c.send(ana, "Hi", "k")
		c.quiet()
		c.Text(ana, "", "Hello")
		c.quiet()
		accepted := c.Sent()[0].AcceptedAt.Format("2006-01-02T15:04:05.000000Z")
		for _, receipt := range h.all()[:3] {
			require.Equal(t, same, receipt.parsed["accepted_time"] == accepted)
			require.Equal(t, !same, receipt.parsed["accepted_time"] == receipt.parsed["event_time"])
		}
		require.Equal(t, h.all()[3].part()["accept_time"], h.all()[3].parsed["accepted_time"], "a text is no receipt")
	}
}

func TestListWords(t *testing.T) {
	t.Parallel()
	const sent = "  Hi\r\nAna\u0308\r "
	for reading, want := range map[sinchtest.ListWords]string{
		"":                         sent,
		sinchtest.ListWordsTrimmed: "Hi\r\nAna\u0308",
		sinchtest.ListWordsLF:      "  Hi\nAna\u0308\n ",
		sinchtest.ListWordsNFC:     "  Hi\r\nAn\u00e4\r ",
	} {
		c := start(t, sinchtest.Options{Readings: sinchtest.Readings{ListWords: reading}})
		c.send(ana, sent, "k")
		c.Text(bob, "", sent)
		_, list := c.do(http.MethodGet, project+"/messages?direction=TO_CONTACT", nil)
		require.Equal(t, []string{want}, texts(list), reading)
		_, one := c.do(http.MethodGet, project+"/messages/"+c.Sent()[0].ID, nil)
		require.Equal(t, []string{want}, texts(map[string]any{"messages": []any{one}}))
		_, list = c.do(http.MethodGet, project+"/messages?direction=TO_APP", nil)
		require.Equal(t, []string{sent}, texts(list), "a person's words stay")
		require.Equal(t, sent, c.Phone(ana).Messages()[0].Text)
	}
}

// TestHowNumbersAreTold: in callbacks and in the list, with and without plus sign,
// and in the two forms that some countries have. The phone keeps its number.
func TestHowNumbersAreTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		readings sinchtest.Readings
		phone    sms.Number
		told     string
		sender   string
	}{
		"bare":                  {sinchtest.Readings{}, "+525512345678", "525512345678", "12065550100"},
		"with plus":             {sinchtest.Readings{Plus: true}, "+525512345678", "+525512345678", "+12065550100"},
		"Mexico":                {sinchtest.Readings{OtherForms: true}, "+525512345678", "5215512345678", "12065550100"},
		"Argentina":             {sinchtest.Readings{OtherForms: true}, "+541112345678", "5491112345678", "12065550100"},
		"Argentina, without 9":  {sinchtest.Readings{OtherForms: true}, "+5491112345678", "541112345678", "12065550100"},
		"Brazil":                {sinchtest.Readings{OtherForms: true}, "+551161234567", "5511961234567", "12065550100"},
		"Brazil, the old form":  {sinchtest.Readings{OtherForms: true}, "+5511961234567", "551161234567", "12065550100"},
		"other form, with plus": {sinchtest.Readings{OtherForms: true, Plus: true}, "+525512345678", "+5215512345678", "+12065550100"},
		"no other form":         {sinchtest.Readings{OtherForms: true}, ana, "15559876543", "12065550100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{Readings: tt.readings})
			c.Text(tt.phone, "", "Hello")
			c.quiet()
			c.send(tt.phone, "to the number of the phone", "k1")
			c.send(sms.Number(tt.told), "to the number that was told", "k2")
			c.quiet()
			require.Equal(t, []sms.Number{tt.phone}, c.Phones())
			require.Len(t, c.Phone(tt.phone).Messages(), 3)
			require.Len(t, c.Attempts(tt.phone), 2)
			for _, got := range h.all() {
				require.Equal(t, tt.told, got.part()["channel_identity"].(map[string]any)["identity"])
			}
			require.Equal(t, tt.sender, h.all()[0].part()["sender_id"])

			for _, asked := range []string{string(tt.phone), tt.told} {
				_, list := c.do(http.MethodGet, project+"/messages?"+url.Values{"channel_identity": {asked}}.Encode(), nil)
				require.Len(t, list["messages"], 3, asked)
				m := list["messages"].([]any)[0].(map[string]any)
				require.Equal(t, tt.told, m["channel_identity"].(map[string]any)["identity"])
				require.Equal(t, tt.sender, m["sender_id"])
			}
		})
	}
}

func TestExactIdentities(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{Readings: sinchtest.Readings{ExactIdentities: true, OtherForms: true}})
	c.send("+525512345678", "Hi", "k")
	for asked, found := range map[string]int{"5215512345678": 1, "+5215512345678": 0, "525512345678": 0} {
		_, list := c.do(http.MethodGet, project+"/messages?"+url.Values{"channel_identity": {asked}}.Encode(), nil)
		require.Len(t, list["messages"], found, asked)
	}
}

// TestClock: all times that Sinch tells go by its own clock, and what a judge
// reads by ours.
func TestClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-time.Hour, 2 * time.Minute} {
		ours := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
		theirs := ours.Add(skew)
		told := theirs.Format("2006-01-02T15:04:05.000000Z")
		c, h := startWithHook(t, sinchtest.Options{
			Now: func() time.Time { return ours }, Readings: sinchtest.Readings{Clock: sinchtest.Offset(skew)},
		})
		for _, path := range []string{"/messages", "/apps", "/no/such/route"} {
			require.Equal(t, theirs.Format(http.TimeFormat), c.date(project+path), path)
		}
		got := c.ask(sinchtest.OnToken)
		require.Equal(t, theirs.Format(http.TimeFormat), got.Header.Get("Date"))
		var token map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.body), &token))
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(token["access_token"].(string), ".")[1])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(claims, &token))
		require.EqualValues(t, theirs.Unix(), token["iat"])
		require.EqualValues(t, theirs.Add(time.Hour).Unix(), token["exp"])

		status, answer := c.do(http.MethodPost, project+"/messages:send", textTo(ana, "Hi", "k"))
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, told, answer["accepted_time"])
		c.quiet()
		c.Text(ana, "", "Hello")
		c.quiet()
		for _, callback := range h.all() {
			require.Equal(t, told, callback.parsed["accepted_time"])
			require.Equal(t, told, callback.parsed["event_time"])
			require.EqualValues(t, encoded(t, theirs.Unix()), callback.header.Get("X-Sinch-Webhook-Signature-Timestamp"))
		}
		window := func(at time.Time) string {
			return url.Values{"start_time": {at.Format(time.RFC3339)}, "end_time": {at.Add(time.Second).Format(time.RFC3339)}}.Encode()
		}
		_, list := c.do(http.MethodGet, project+"/messages?"+window(theirs), nil)
		require.Len(t, list["messages"], 2)
		_, list = c.do(http.MethodGet, project+"/messages?"+window(ours), nil)
		require.Empty(t, list["messages"])

		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, RetryAfter: sinchtest.Duration(time.Minute), RetryAfterDate: true})
		require.Equal(t, theirs.Add(time.Minute).Format(http.TimeFormat), c.ask(sinchtest.OnSend).Header.Get("Retry-After"))
		for _, m := range c.Phone(ana).Messages() {
			require.Equal(t, []time.Time{ours, theirs, ours}, []time.Time{m.At, m.AcceptedAt, m.StatusAt})
		}
		require.Equal(t, ours, *c.Inbound()[0].AcknowledgedAt)
		require.Equal(t, ours, c.Inbound()[0].Callbacks[0].Tries[0].At)
	}
}

func (c *carrier) date(path string) string {
	c.t.Helper()
	request, err := http.NewRequestWithContext(within(c.t), http.MethodGet, c.url+path, nil)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	return response.Header.Get("Date")
}
