package sinchtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
	"parley/sms"
)

// TestHowLongACallbackIsTried: tries come after 0, 5, 15, 35 … seconds.
func TestHowLongACallbackIsTried(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		readings sinchtest.Readings
		answer   int
		want     int
		kept     int
	}{
		"shortly":            {sinchtest.Readings{RetryFor: sinchtest.Duration(35 * time.Second)}, 503, 4, 4},
		"not to the next":    {sinchtest.Readings{RetryFor: sinchtest.Duration(34 * time.Second)}, 503, 3, 3},
		"for weeks":          {sinchtest.Readings{RetryFor: sinchtest.Duration(21 * 24 * time.Hour)}, 503, 36, 20},
		"refused":            {sinchtest.Readings{}, 401, 1, 1},
		"refused, and again": {sinchtest.Readings{RetryRefused: true}, 401, 16, 16},
		"sent elsewhere":     {sinchtest.Readings{RetryRefused: true}, 307, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{RetryScale: 1e-9, Readings: tt.readings})
			h.answer = func(int) int { return tt.answer }
			id := c.Text(ana, "", "Hello")
			c.quiet()
			m, _ := c.Message(id)
			require.Equal(t, tt.want, m.Attempts)
			require.Len(t, m.Callbacks[0].Tries, tt.kept)
			require.Equal(t, sinchtest.Lost, m.Status)
		})
	}
}

// TestNetworkStops: the network confirms a STOP, and lets nothing through from
// that number until START.
func TestNetworkStops(t *testing.T) {
	t.Parallel()
	const other = sms.Sender("+12065550101")
	for name, tt := range map[string]struct {
		reading sinchtest.NetworkStops
		heard   []string // by the app
		failed  []bool   // the sends
		shown   int
	}{
		"not":      {"", []string{" stop\n", "please stop", "Start"}, []bool{false, false, false}, 6},
		"blocks":   {sinchtest.NetworkBlocks, []string{" stop\n", "please stop", "Start"}, []bool{true, false, false}, 7},
		"swallows": {sinchtest.NetworkSwallows, []string{"please stop"}, []bool{true, false, false}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{
				Readings: sinchtest.Readings{NetworkStops: tt.reading}, Senders: []sms.Sender{sinchtest.DefaultSender, other},
			})
			say := func(text string) { c.Text(ana, sinchtest.DefaultSender, text); c.quiet() }
			say("please stop")
			say(" stop\n")
			c.send(ana, "one", "k1")
			c.quiet()
			status, _ := c.do(http.MethodPost, project+"/messages:send",
				with(textTo(ana, "two", "k2"), map[string]any{"channel_properties": map[string]any{"SMS_SENDER": string(other)}}))
			require.Equal(t, http.StatusOK, status)
			c.quiet()
			say("Start")
			c.send(ana, "three", "k3")
			c.quiet()

			var heard, failed []string
			for _, got := range h.all() {
				switch got.kind() {
				case "message":
					heard = append(heard, got.part()["contact_message"].(map[string]any)["text_message"].(map[string]any)["text"].(string))
				case "message_delivery_report":
					if reason, ok := got.part()["reason"].(map[string]any); ok {
						failed = append(failed, reason["code"].(string))
					}
				}
			}
			require.ElementsMatch(t, tt.heard, heard)
			require.Len(t, c.Inbound(), len(tt.heard))
			require.Len(t, c.Sent(), 3)
			require.Len(t, c.Attempts(), 3)
			for i, m := range c.Sent() {
				require.Equal(t, tt.failed[i], m.Status == sinchtest.Failed, m.Text)
			}
			_, list := c.do(http.MethodGet, project+"/messages", nil)
			require.Len(t, list["messages"], 3+len(tt.heard), "Sinch knows nothing of the rest")
			shown := c.Phone(ana).Messages()
			require.Len(t, shown, tt.shown)
			if tt.reading == "" {
				require.Empty(t, failed)
				return
			}
			require.Equal(t, []string{"RECIPIENT_NOT_OPTED_IN"}, failed)
			require.True(t, strings.HasPrefix(shown[2].Text, `NETWORK MSG: You replied with the word "stop"`))
			require.Equal(t, sinchtest.DefaultSender, shown[2].Sender)
			require.True(t, shown[2].Network)
		})
	}
}

// TestCaptions: the words below a picture stay with it, follow it, or get lost.
func TestCaptions(t *testing.T) {
	t.Parallel()
	picture := map[string]any{"media_message": map[string]any{"url": "https://example.com/a.jpg", "thumbnail_url": "", "filename_override": ""}}
	for name, tt := range map[string]struct {
		reading sinchtest.Captions
		caption string
		want    []map[string]any
	}{
		"on a card": {"", "Us", []map[string]any{{"media_card_message": map[string]any{"url": "https://example.com/a.jpg", "caption": "Us"}}}},
		"as a text": {sinchtest.CaptionAsText, "Us", []map[string]any{picture, {"text_message": map[string]any{"text": "Us"}, "reply_to": nil}}},
		"dropped":   {sinchtest.CaptionDropped, "Us", []map[string]any{picture}},
		"no words":  {sinchtest.CaptionAsText, "", []map[string]any{picture}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{Readings: sinchtest.Readings{Captions: tt.reading}})
			status, m := c.do(http.MethodPost, "/phones/15559876543/messages",
				map[string]any{"media": map[string]any{"url": "https://example.com/a.jpg", "caption": tt.caption}})
			require.Equal(t, http.StatusAccepted, status)
			require.Equal(t, c.Inbound()[0].ID, m["message_id"])
			c.quiet()
			var got []map[string]any
			for _, callback := range h.all() {
				got = append(got, callback.part()["contact_message"].(map[string]any))
			}
			require.ElementsMatch(t, tt.want, got)
		})
	}
}

// TestLongTexts: a text arrives as one, or in the parts that it is billed in. An
// emoji is two units, and is never split.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	gsm, ucs := strings.Repeat("a", 152)+"€"+strings.Repeat("b", 152), strings.Repeat("ł", 66)+"👋👋"+strings.Repeat("ł", 64)
	for name, tt := range map[string]struct {
		reading sinchtest.LongTexts
		text    string
		want    []string
	}{
		"one":              {"", gsm, []string{gsm}},
		"parts":            {sinchtest.LongTextInParts, gsm, []string{strings.Repeat("a", 152), "€" + strings.Repeat("b", 151), "b"}},
		"parts in UCS-2":   {sinchtest.LongTextInParts, ucs, []string{strings.Repeat("ł", 66), "👋👋" + strings.Repeat("ł", 63), "ł"}},
		"a short text":     {sinchtest.LongTextInParts, strings.Repeat("a", 160), []string{strings.Repeat("a", 160)}},
		"no text at all":   {sinchtest.LongTextInParts, "", []string{""}},
		"just two of them": {sinchtest.LongTextInParts, strings.Repeat("a", 161), []string{strings.Repeat("a", 153), "aaaaaaaa"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{Readings: sinchtest.Readings{LongTexts: tt.reading}})
			id := c.Text(ana, "", tt.text)
			c.quiet()
			var got []string
			for _, m := range c.Inbound() {
				got = append(got, m.Text)
				require.Equal(t, sinchtest.Acknowledged, m.Status)
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, id, c.Inbound()[0].ID)
			require.Len(t, h.all(), len(tt.want))
			if tt.reading == sinchtest.LongTextInParts && tt.text != "" {
				require.Len(t, got, sms.SegmentsOf(tt.text).Count)
			}
		})
	}
}
