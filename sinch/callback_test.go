package sinch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sms"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// inbound is what the composed messages have in common, changed.
func inbound(change func(*sms.Inbound)) sinch.Callback {
	in := &sms.Inbound{
		ID: "01EQ8235TD19N21XQTH12B145D", From: "+15551234567", To: "+12065550100", Kind: sms.KindText,
		ConversationID: "01EQ8172WMDB8008EFT4M30481", AcceptedAt: at("2026-02-13T08:17:43.915829Z"),
	}
	change(in)
	return sinch.Callback{
		AppID: "01EB37HMH1M6SV18ABNS3G135H", ProjectID: "c36f3d3d-1523-4edd-ae42-11995557ff61",
		Trigger: "MESSAGE_INBOUND", Inbound: in,
	}
}

func words(text string) sinch.Callback { return inbound(func(in *sms.Inbound) { in.Text = text }) }

// receipt is what most composed delivery reports have in common, changed.
func receipt(status sms.Status, when string, change func(*sms.Receipt)) sinch.Callback {
	r := &sms.Receipt{
		MessageID: "01EQBC1A3BEK731GY4YXEN0C2R", Key: "send-key-1", Reference: "wf-42", To: "+15551234567",
		ConversationID: "01EPYATA64TMNZ1FV02JKF12JF", Status: status,
		AcceptedAt: at("2026-02-13T15:09:11.659Z"), At: at(when),
	}
	if change != nil {
		change(r)
	}
	return sinch.Callback{
		AppID: "01EB37HMH1M6SV18ABNS3G135H", ProjectID: "c36f3d3d-1523-4edd-ae42-11995557ff61",
		Trigger: "MESSAGE_DELIVERY", Receipt: r,
	}
}

// tracked is a receipt of a message that was sent with a reference.
func tracked(c sinch.Callback) sinch.Callback {
	c.Tracked = true
	return c
}

func failed(when, code, description string, class sms.Class) sinch.Callback {
	return receipt(sms.StatusFailed, when, func(r *sms.Receipt) { r.Reason, r.Description, r.Class = code, description, class })
}

// composed is what the callbacks that we composed mean, by file.
var composed = map[string]sinch.Callback{
	"inbound-text-conversation":                     words("Hi!"),
	"inbound-text-minimal-optional-absent":          words("Hi!"),
	"inbound-text-plus-identity":                    words("Hi!"),
	"inbound-text-empty":                            words(""),
	"inbound-stop":                                  words(" Stop "),
	"inbound-text-unicode-multipart":                words("Grüße 👋 — " + strings.Repeat("é", 120)),
	"inbound-text-dispatch":                         inbound(func(in *sms.Inbound) { in.Text, in.ConversationID = "Hi!", "" }),
	"inbound-text-conversation-metadata":            inbound(func(in *sms.Inbound) { in.Text, in.Reference = "Yes", "wf-42" }),
	"inbound-choice-response":                       inbound(func(in *sms.Inbound) { in.Kind, in.Text = sms.KindChoice, "yes" }),
	"inbound-fallback":                              inbound(func(in *sms.Inbound) { in.Kind, in.Text = sms.KindFallback, "<raw>" }),
	"inbound-location":                              inbound(func(in *sms.Inbound) { in.Kind, in.Text = sms.KindLocation, "47.6279809,-2.8229159" }),
	"inbound-media":                                 inbound(func(in *sms.Inbound) { in.Kind, in.Text = sms.KindMedia, "https://example.com/a.jpg" }),
	"inbound-two-content-keys-unknown":              inbound(func(in *sms.Inbound) { in.Kind, in.Text = sms.KindOther, "brand_new_message" }),
	"delivery-1-queued":                             receipt(sms.StatusOnChannel, "2026-02-13T15:09:13.267185Z", nil),
	"delivery-2-delivered":                          receipt(sms.StatusDelivered, "2026-02-13T15:09:16.892757478Z", nil),
	"delivery-2-delivered-dispatch":                 receipt(sms.StatusDelivered, "2026-02-13T15:09:16.892757478Z", func(r *sms.Receipt) { r.ConversationID = "" }),
	"delivery-1-queued-reference":                   tracked(receipt(sms.StatusOnChannel, "2026-02-13T15:09:13.267185Z", func(r *sms.Receipt) { r.Reference = "A-17" })),
	"delivery-3-read":                               receipt(sms.StatusRead, "2026-02-13T15:10:00Z", nil),
	"delivery-2-failed":                             failed("2026-02-13T15:09:17Z", "RECIPIENT_NOT_REACHABLE", "The underlying channel reported: Temporary delivery failure", sms.Transient),
	"delivery-2-failed-with-channel-code":           failed("2026-02-13T15:09:17Z", "CHANNEL_REJECT", "The underlying channel reported: ... (channel code 402)", sms.Permanent),
	"delivery-failed-bad-request-stage2":            failed("2026-02-13T15:09:12Z", "BAD_REQUEST", "invalid SMS_SENDER", sms.Permanent),
	"delivery-failed-channel-configuration-missing": failed("2026-02-13T15:09:12Z", "CHANNEL_CONFIGURATION_MISSING", "", sms.Permanent),
	"delivery-2-delivered-dispatch-reference": tracked(receipt(sms.StatusDelivered, "2026-02-13T15:09:16.892757478Z", func(r *sms.Receipt) {
		r.ConversationID, r.Reference, r.From = "", "", "+12065550101"
	})),
	"delivery-unknown-status": {
		AppID: "01EB37HMH1M6SV18ABNS3G135H", ProjectID: "c36f3d3d-1523-4edd-ae42-11995557ff61",
		Trigger: "MESSAGE_DELIVERY", Unused: sinch.UnusedStatus,
	},
	"submit-text": func() sinch.Callback {
		c := receipt(sms.StatusAccepted, "2026-02-13T08:17:42.814Z", func(r *sms.Receipt) { r.AcceptedAt = at("2026-02-13T08:17:44.993024Z") })
		c.Trigger = "MESSAGE_SUBMIT"
		return c
	}(),
}

func TestParseCallbackComposed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/callbacks/composed/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(composed))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			want, known := composed[name]
			require.True(t, known)

			got, err := sinch.ParseCallback(body)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// Sinch's own samples are named after their triggers.
func TestParseCallbackOfEveryTrigger(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/callbacks/sinch-samples/*.json")
	require.NoError(t, err)
	require.Len(t, files, 19)
	for _, file := range files {
		trigger := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			require.NoError(t, err)

			got, err := sinch.ParseCallback(body)
			require.NoError(t, err)
			require.Equal(t, trigger, got.Trigger)
			switch trigger {
			case "MESSAGE_INBOUND":
				require.Equal(t, "Hello! This is a test inbound message.", got.Inbound.Text)
				require.Equal(t, sms.Sender("12345"), got.Inbound.To)
			case "MESSAGE_DELIVERY":
				require.Equal(t, sms.StatusDelivered, got.Receipt.Status)
			case "MESSAGE_SUBMIT":
				require.Equal(t, sms.StatusAccepted, got.Receipt.Status)
			default:
				require.Equal(t, sinch.UnusedTrigger, got.Unused)
				require.Nil(t, got.Inbound)
				require.Nil(t, got.Receipt)
			}
		})
	}
}

// A trigger of which Sinch published no sample.
func TestParseCallbackTriggerByKey(t *testing.T) {
	t.Parallel()
	for key, trigger := range map[string]string{
		"conversation_delete_notification": "CONVERSATION_DELETE",
		"smart_conversation_notification":  "SMART_CONVERSATIONS",
		"record_notification":              "RECORD_NOTIFICATION",
		"tomorrows_notification":           "",
	} {
		got, err := sinch.ParseCallback([]byte(`{"app_id":"a","` + key + `":{}}`))
		require.NoError(t, err)
		require.Equal(t, sinch.Callback{AppID: "a", Trigger: trigger, Unused: sinch.UnusedTrigger}, got)
	}
}

func TestParseCallbackRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " ", "null", "5", `"+15551234567"`, "[]", "[{}]", "{", `{"a":1}x`, "{}{}", "\xff"} {
		_, err := sinch.ParseCallback([]byte(body))
		require.EqualError(t, err, "reading a callback: not a JSON object", body)
	}
}

func TestParseInbound(t *testing.T) {
	t.Parallel()
	const (
		id     = `"id":"M1"`
		person = `"channel_identity":{"channel":"SMS","identity":"15551234567"}`
		hi     = `"contact_message":{"text_message":{"text":"Hi"}}`
	)
	plain := sms.Inbound{ID: "M1", From: "+15551234567", Kind: sms.KindText, Text: "Hi"}
	says := func(kind sms.Kind, text string) sms.Inbound {
		in := plain
		in.Kind, in.Text = kind, text
		return in
	}
	accepted := func(s string) sms.Inbound {
		in := plain
		in.AcceptedAt = at(s)
		return in
	}
	message := func(fields ...string) string { return `{"message":{` + strings.Join(fields, ",") + `}}` }

	tests := []struct {
		name, body string
		want       sms.Inbound
		unused     string
	}{
		{name: "hardly anything", body: message(id, person, hi), want: plain},
		{name: "an endless id", body: message(`"id":"`+strings.Repeat("x", 201)+`"`, person, hi), unused: sinch.UnusedID},
		{name: "an id of two lines", body: message(`"id":"a\nb"`, person, hi), unused: sinch.UnusedID},
		{name: "a sender that is none", body: message(id, person, hi, `"sender_id":"My Shop: ü"`), want: plain},
		{name: "null direction", body: message(id, person, hi, `"direction":null`), want: plain},
		{name: "to the app", body: message(id, person, hi, `"direction":"TO_APP"`), want: plain},
		{name: "to the contact", body: message(id, person, hi, `"direction":"TO_CONTACT"`), unused: sinch.UnusedDirection},
		{name: "unknown direction", body: message(id, person, hi, `"direction":"UNDEFINED_DIRECTION"`), unused: sinch.UnusedDirection},
		{name: "ours, without direction", body: message(id, person, `"app_message":{"text_message":{"text":"Hi"}}`), unused: sinch.UnusedDirection},
		{name: "injected", body: message(id, person, hi, `"injected":true`), unused: sinch.UnusedInjected},
		{name: "not injected", body: message(id, person, hi, `"injected":null`), want: plain},
		{name: "no id", body: message(person, hi), unused: sinch.UnusedID},
		{name: "empty id", body: message(`"id":""`, person, hi), unused: sinch.UnusedID},
		{name: "null id", body: message(`"id":null`, person, hi), unused: sinch.UnusedID},
		{name: "numeric id", body: message(`"id":5`, person, hi), unused: sinch.UnusedID},
		{name: "message is a word", body: `{"message":"Hi"}`, unused: sinch.UnusedID},
		{name: "no identity", body: message(id, hi), unused: sinch.UnusedSender},
		{name: "identity is null", body: message(id, hi, `"channel_identity":null`), unused: sinch.UnusedSender},
		{name: "from a short code", body: message(id, hi, `"channel_identity":{"channel":"SMS","identity":"43000"}`), unused: sinch.UnusedSender},
		{name: "from a name", body: message(id, hi, `"channel_identity":{"channel":"SMS","identity":"ACME"}`), unused: sinch.UnusedSender},
		{name: "another channel", body: message(id, hi, `"channel_identity":{"channel":"WHATSAPP","identity":"15551234567"}`), unused: sinch.UnusedChannel},
		{name: "MMS", body: message(id, hi, `"channel_identity":{"channel":"MMS","identity":"15551234567"}`), want: plain},
		{name: "no channel", body: message(id, hi, `"channel_identity":{"identity":"+1 (555) 123-4567"}`), want: plain},
		{name: "wrong types where we do not look", body: message(id, person, hi, `"contact_id":{},"metadata":[1],"processing_mode":7,"reply_to":"x"`), want: plain},
		{name: "wrong types where we do", body: `{"app_id":1,"correlation_id":[],"accepted_time":{},"event_time":5,` + message(id, person, hi, `"conversation_id":1,"sender_id":{},"accept_time":[]`)[1:], want: plain},
		{name: "a null key beside the real one", body: `{"message_delivery_report":null,` + message(id, person, hi)[1:], want: plain},
		{name: "white space around", body: "\n " + message(id, person, hi) + " \n", want: plain},

		{name: "no content", body: message(id, person), want: says(sms.KindOther, "")},
		{name: "text without text", body: message(id, person, `"contact_message":{"text_message":{}}`), want: says(sms.KindText, "")},
		{name: "text of a wrong type", body: message(id, person, `"contact_message":{"text_message":{"text":5}}`), want: says(sms.KindText, "")},
		{name: "null text, then media", body: message(id, person, `"contact_message":{"text_message":null,"media_message":{"url":"https://example.com/a"}}`), want: says(sms.KindMedia, "https://example.com/a")},
		{name: "media card", body: message(id, person, `"contact_message":{"media_card_message":{"caption":"Us","url":"https://example.com/a"}}`), want: says(sms.KindMedia, "Us https://example.com/a")},
		{name: "place with title", body: message(id, person, `"contact_message":{"location_message":{"title":"Shop","label":"x","coordinates":{"latitude":0.0000001,"longitude":2}}}`), want: says(sms.KindLocation, "Shop: 0.0000001,2")},
		{name: "place with label only", body: message(id, person, `"contact_message":{"location_message":{"label":"Shop"}}`), want: says(sms.KindLocation, "Shop")},
		{name: "product", body: message(id, person, `"contact_message":{"reply_to":{},"product_response_message":{}}`), want: says(sms.KindOther, "product_response_message")},
		{name: "long raw message", body: message(id, person, `"contact_message":{"fallback_message":{"raw_message":"`+strings.Repeat("é", 3000)+`"}}`), want: says(sms.KindFallback, strings.Repeat("é", 1999)+"…")},

		{name: "no fraction", body: message(id, person, hi, `"accept_time":"2026-02-13T08:17:43Z"`), want: accepted("2026-02-13T08:17:43Z")},
		{name: "nine fraction digits", body: message(id, person, hi, `"accept_time":"2026-02-13T08:17:43.123456789Z"`), want: accepted("2026-02-13T08:17:43.123456789Z")},
		{name: "zero offset", body: message(id, person, hi, `"accept_time":"2026-02-13T08:17:43+00:00"`), want: accepted("2026-02-13T08:17:43Z")},
		{name: "other offset", body: message(id, person, hi, `"accept_time":"2026-02-13T09:17:43.5+01:00"`), want: accepted("2026-02-13T08:17:43.5Z")},
		{name: "no zone", body: message(id, person, hi, `"accept_time":"2026-02-13T08:17:43.5"`), want: accepted("2026-02-13T08:17:43.5Z")},
		{name: "accepted_time instead", body: `{"accepted_time":"2026-02-13T08:17:44Z","event_time":"2026-02-13T08:17:45Z",` + message(id, person, hi)[1:], want: accepted("2026-02-13T08:17:44Z")},
		{name: "event_time instead", body: `{"event_time":"2026-02-13T08:17:45Z",` + message(id, person, hi, `"accept_time":"soon"`)[1:], want: accepted("2026-02-13T08:17:45Z")},
		{name: "a time beyond JSON", body: message(id, person, hi, `"accept_time":"9999-12-31T23:59:59-23:59"`), want: plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sinch.ParseCallback([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, "MESSAGE_INBOUND", got.Trigger)
			require.Equal(t, tt.unused, got.Unused)
			if tt.unused != "" {
				require.Nil(t, got.Inbound)
				return
			}
			require.Equal(t, &tt.want, got.Inbound)
		})
	}
}

func TestParseReceipt(t *testing.T) {
	t.Parallel()
	report := func(fields string) string {
		return `{"accepted_time":"2026-02-13T15:09:11Z","event_time":"2026-02-13T15:09:12Z","message_delivery_report":{` + fields + `}}`
	}
	const person = `"channel_identity":{"channel":"SMS","identity":"15551234567"}`
	plain := sms.Receipt{
		MessageID: "M1", Key: "run-1", To: "+15551234567", Status: sms.StatusDelivered,
		AcceptedAt: at("2026-02-13T15:09:11Z"), At: at("2026-02-13T15:09:12Z"),
	}
	changed := func(change func(*sms.Receipt)) sms.Receipt {
		r := plain
		change(&r)
		return r
	}
	tests := []struct {
		name, body string
		want       sms.Receipt
		tracked    bool
		unused     string
	}{
		{name: "plain", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1",` + person), want: plain},
		{name: "with a reference", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 #",` + person), want: plain, tracked: true},
		{
			name: "with a reference that came back", body: `{"correlation_id":"A-17",` + report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 #",` + person)[1:],
			want: changed(func(r *sms.Receipt) { r.Reference = "A-17" }), tracked: true,
		},
		{
			name: "with a reference, from another of our numbers", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 # +12065550199",` + person),
			want: changed(func(r *sms.Receipt) { r.From = "+12065550199" }), tracked: true,
		},
		{
			name: "with a reference, from a name with spaces", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 # Our Own Shop",` + person),
			want: changed(func(r *sms.Receipt) { r.From = "Our Own Shop" }), tracked: true,
		},
		{
			name: "with another program's correlation id", body: `{"correlation_id":"wf-42",` + report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1",` + person)[1:],
			want: changed(func(r *sms.Receipt) { r.Reference = "wf-42" }),
		},
		{
			name: "from a name that begins like the mark", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 #1 Shop",` + person),
			want: changed(func(r *sms.Receipt) { r.From = "#1 Shop" }),
		},
		{
			name: "from another of our numbers", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 +12065550199",` + person),
			want: changed(func(r *sms.Receipt) { r.From = "+12065550199" }),
		},
		{
			name: "from a name with a space", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1 Our Shop",` + person),
			want: changed(func(r *sms.Receipt) { r.From = "Our Shop" }),
		},
		{
			name: "metadata of another program", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"{\"a\": 1}",` + person),
			want: changed(func(r *sms.Receipt) { r.Key = `{"a": 1}` }),
		},
		{
			name: "a reason that explains nothing", body: report(`"message_id":"M1","status":"DELIVERED","metadata":"run-1","reason":{"code":"UNKNOWN"},` + person), want: plain,
		},
		{
			name: "only the channel's reason", body: report(`"message_id":"M1","status":"FAILED","metadata":"run-1","reason":{"channel_code":"402"},` + person),
			want: changed(func(r *sms.Receipt) { r.Status, r.Description = sms.StatusFailed, "(channel code 402)" }),
		},
		{
			name: "no event time", body: `{"accepted_time":"2026-02-13T15:09:11Z","message_delivery_report":{"message_id":"M1","status":"DELIVERED","metadata":"run-1",` + person + `}}`,
			want: changed(func(r *sms.Receipt) { r.At = r.AcceptedAt }),
		},
		{
			name: "no times", body: `{"message_delivery_report":{"message_id":"M1","status":"DELIVERED","metadata":"run-1",` + person + `}}`,
			want: changed(func(r *sms.Receipt) { r.At, r.AcceptedAt = time.Time{}, time.Time{} }),
		},
		{name: "queued", body: report(`"message_id":"M1","status":"QUEUED",` + person), unused: sinch.UnusedStatus},
		{name: "switching channel", body: report(`"message_id":"M1","status":"SWITCHING_CHANNEL",` + person), unused: sinch.UnusedStatus},
		{name: "no status", body: report(`"message_id":"M1",` + person), unused: sinch.UnusedStatus},
		{name: "no id", body: report(`"status":"DELIVERED",` + person), unused: sinch.UnusedID},
		{name: "nobody", body: report(`"message_id":"M1","status":"DELIVERED"`), unused: sinch.UnusedRecipient},
		{name: "another channel", body: report(`"message_id":"M1","status":"DELIVERED","channel_identity":{"channel":"RCS","identity":"15551234567"}`), unused: sinch.UnusedChannel},
		{name: "a list", body: `{"message_delivery_report":[]}`, unused: sinch.UnusedID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := sinch.ParseCallback([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, "MESSAGE_DELIVERY", got.Trigger)
			require.Equal(t, tt.unused, got.Unused)
			require.Equal(t, tt.tracked, got.Tracked)
			if tt.unused != "" {
				require.Nil(t, got.Receipt)
				return
			}
			require.Equal(t, &tt.want, got.Receipt)
		})
	}
}

func FuzzParseCallback(f *testing.F) {
	files, err := filepath.Glob("testdata/callbacks/*/*.json")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := sinch.ParseCallback(body)
		if err != nil {
			require.Zero(t, c)
			return
		}
		if c.Inbound != nil {
			require.NotEmpty(t, c.Inbound.ID)
			require.NotEmpty(t, c.Inbound.From)
			require.NotEmpty(t, c.Inbound.Kind)
		}
		if c.Receipt != nil {
			require.NotEmpty(t, c.Receipt.MessageID)
			require.NotEmpty(t, c.Receipt.To)
			require.NotEmpty(t, c.Receipt.Status)
		} else {
			require.False(t, c.Tracked)
		}
		found := 0
		for _, is := range []bool{c.Inbound != nil, c.Receipt != nil, c.Unused != ""} {
			if is {
				found++
			}
		}
		require.Equal(t, 1, found)
		// What we make of it has to travel to the conversation as JSON.
		_, err = json.Marshal(c)
		require.NoError(t, err)
	})
}
