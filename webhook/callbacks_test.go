package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/internal/telemetry"
	"parley/sinch"
	"parley/sms"
	"parley/understand"
)

func signed(body []byte, secret string, at time.Time) *http.Request {
	return signedFor("/webhooks/sinch", body, secret, at)
}

func signedFor(path string, body []byte, secret string, at time.Time) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	sinch.SignHeader(r.Header, secret, body, at)
	return r
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("../sinch/testdata/callbacks", name))
	require.NoError(t, err)
	return body
}

const contact = "conversation:+15551234567"

// TestFixtures sends every callback that Sinch published, and ours, with the
// answer and what the conversation gets to know of it.
func TestFixtures(t *testing.T) {
	t.Parallel()
	inbound := func(id, event string, kind sms.Kind, text string) told {
		return told{Verb: "Tell", ID: id, Event: event, Inbound: sms.Inbound{Kind: kind, Text: text}}
	}
	receipt := func(status sms.Status, key, reason string) told {
		return told{
			Verb: "TellRunning", ID: contact, Event: "receipt:01EQBC1A3BEK731GY4YXEN0C2R:" + string(status),
			Receipt: sms.Receipt{Status: status, Key: key, Reason: reason},
		}
	}
	const id = "in:01EQ8235TD19N21XQTH12B145D"
	tests := map[string]struct {
		want   told // the zero value: nothing
		reason string
	}{
		"composed/inbound-text-conversation.json":                         {want: inbound(contact, id, sms.KindText, "Hi!")},
		"composed/inbound-text-conversation-metadata.json":                {want: inbound(contact, id, sms.KindText, "Yes")},
		"composed/inbound-text-dispatch.json":                             {want: inbound(contact, id, sms.KindText, "Hi!")},
		"composed/inbound-text-plus-identity.json":                        {want: inbound(contact, id, sms.KindText, "Hi!")},
		"composed/inbound-text-minimal-optional-absent.json":              {want: inbound(contact, id, sms.KindText, "Hi!")},
		"composed/inbound-text-empty.json":                                {want: inbound(contact, id, sms.KindText, "")},
		"composed/inbound-text-unicode-multipart.json":                    {want: inbound(contact, id, sms.KindText, "Grüße 👋 — "+strings.Repeat("é", 120))},
		"composed/inbound-stop.json":                                      {want: inbound(contact, id, sms.KindText, " Stop ")},
		"composed/inbound-media.json":                                     {want: inbound(contact, id, sms.KindMedia, "https://example.com/a.jpg")},
		"composed/inbound-location.json":                                  {want: inbound(contact, id, sms.KindLocation, "47.6279809,-2.8229159")},
		"composed/inbound-choice-response.json":                           {want: inbound(contact, id, sms.KindChoice, "yes")},
		"composed/inbound-fallback.json":                                  {want: inbound(contact, id, sms.KindFallback, "<raw>")},
		"composed/inbound-two-content-keys-unknown.json":                  {want: inbound(contact, id, sms.KindOther, "brand_new_message")},
		"composed/delivery-1-queued.json":                                 {reason: "not final"},
		"composed/submit-text.json":                                       {reason: "not final"},
		"composed/delivery-2-delivered.json":                              {want: receipt(sms.StatusDelivered, "send-key-1", "")},
		"composed/delivery-2-delivered-dispatch.json":                     {want: receipt(sms.StatusDelivered, "send-key-1", "")},
		"composed/delivery-2-failed.json":                                 {want: receipt(sms.StatusFailed, "send-key-1", "RECIPIENT_NOT_REACHABLE")},
		"composed/delivery-2-failed-with-channel-code.json":               {want: receipt(sms.StatusFailed, "send-key-1", "CHANNEL_REJECT")},
		"composed/delivery-1-queued-reference.json":                       {want: receipt(sms.StatusOnChannel, "send-key-1", "")},
		"composed/delivery-2-delivered-dispatch-reference.json":           {want: told{Verb: "TellRunning", ID: contact + ":+12065550101", Event: "receipt:01EQBC1A3BEK731GY4YXEN0C2R:delivered", Receipt: sms.Receipt{Status: sms.StatusDelivered, Key: "send-key-1"}}},
		"composed/delivery-3-read.json":                                   {want: receipt(sms.StatusRead, "send-key-1", "")},
		"composed/delivery-failed-bad-request-stage2.json":                {want: receipt(sms.StatusFailed, "send-key-1", "BAD_REQUEST")},
		"composed/delivery-unknown-status.json":                           {reason: "status"},
		"sinch-samples/MESSAGE_INBOUND.json":                              {want: inbound(contact+":12345", id, sms.KindText, "Hello! This is a test inbound message.")},
		"sinch-samples/MESSAGE_DELIVERY.json":                             {reason: "app"},
		"sinch-samples/MESSAGE_SUBMIT.json":                               {reason: "app"},
		"sinch-samples/BATCH_STATUS_UPDATE.json":                          {reason: "app"},
		"sinch-samples/CAPABILITY.json":                                   {reason: "app"},
		"sinch-samples/CHANNEL_EVENT.json":                                {reason: "app"},
		"sinch-samples/CONTACT_CREATE.json":                               {reason: "trigger"},
		"sinch-samples/CONTACT_DELETE.json":                               {reason: "trigger"},
		"sinch-samples/CONTACT_IDENTITIES_DUPLICATION.json":               {reason: "app"},
		"sinch-samples/CONTACT_MERGE.json":                                {reason: "trigger"},
		"sinch-samples/CONTACT_UPDATE.json":                               {reason: "trigger"},
		"sinch-samples/CONVERSATION_START.json":                           {reason: "app"},
		"sinch-samples/CONVERSATION_STOP.json":                            {reason: "app"},
		"sinch-samples/EVENT_DELIVERY.json":                               {reason: "app"},
		"sinch-samples/EVENT_INBOUND.json":                                {reason: "trigger"},
		"sinch-samples/OPT_IN.json":                                       {reason: "app"},
		"sinch-samples/OPT_OUT.json":                                      {reason: "app"},
		"sinch-samples/UNSUPPORTED.json":                                  {reason: "app"},
		"composed/delivery-failed-channel-configuration-missing.json":     {want: receipt(sms.StatusFailed, "send-key-1", "CHANNEL_CONFIGURATION_MISSING")},
		"sinch-samples/MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION.json": {reason: "trigger"},
	}
	files, err := filepath.Glob("../sinch/testdata/callbacks/*/*.json")
	require.NoError(t, err)
	require.Len(t, tests, len(files), "every fixture has its row")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f fake
			response, body := ask(t, callbacks(&f).Handler(), signed(fixture(t, name), secret, signedAt))
			require.Equal(t, http.StatusOK, response.StatusCode)
			if tt.want.Verb == "" {
				require.Equal(t, map[string]any{"result": "dropped", "reason": tt.reason}, body)
				require.Empty(t, f.calls)
				return
			}
			require.Equal(t, map[string]any{"result": "accepted"}, body)
			require.Len(t, f.calls, 1)
			got := f.calls[0]
			require.Equal(t, tt.want.Verb, got.Verb)
			require.Equal(t, tt.want.ID, got.ID)
			require.Equal(t, tt.want.Event, got.Event)
			require.Equal(t, tt.want.Inbound.Kind, got.Inbound.Kind)
			require.Equal(t, tt.want.Inbound.Text, got.Inbound.Text)
			if tt.want.Inbound.Kind != "" {
				v := understand.Classify(tt.want.Inbound.Text, tt.want.Inbound.Kind == sms.KindText)
				require.Equal(t, &v, got.Inbound.Verdict)
				require.Equal(t, name == "composed/inbound-stop.json", v.Consent == sms.MeansStop)
			}
			require.Equal(t, tt.want.Receipt.Status, got.Receipt.Status)
			require.Equal(t, tt.want.Receipt.Key, got.Receipt.Key)
			require.Equal(t, tt.want.Receipt.Reason, got.Receipt.Reason)
		})
	}
}

func TestAllReceipts(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]sms.Status{
		"composed/submit-text.json":          sms.StatusAccepted,
		"composed/delivery-1-queued.json":    sms.StatusOnChannel,
		"composed/delivery-2-delivered.json": sms.StatusDelivered,
		"composed/delivery-2-failed.json":    sms.StatusFailed,
		"composed/delivery-3-read.json":      sms.StatusRead,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f fake
			h := callbacks(&f)
			h.AllReceipts = true
			response, _ := ask(t, h.Handler(), signed(fixture(t, name), secret, signedAt))
			require.Equal(t, http.StatusOK, response.StatusCode)
			require.Len(t, f.calls, 1)
			require.Equal(t, status, f.calls[0].Receipt.Status)
		})
	}
}

// text is an inbound message, in Sinch's words.
func text(from, to string) []byte {
	return []byte(`{"app_id":"` + sinchApp + `","message":{"id":"01EQ8235TD19N21XQTH12B145D","direction":"TO_APP",
		"contact_message":{"text_message":{"text":"Hi!"}},"channel_identity":{"channel":"SMS","identity":"` + from + `"},"sender_id":"` + to + `"}}`)
}

func TestWhichConversation(t *testing.T) {
	t.Parallel()
	delivered := func(metadata string) []byte {
		return []byte(`{"app_id":"` + sinchApp + `","message_delivery_report":{"message_id":"m1","status":"DELIVERED",
			"channel_identity":{"channel":"SMS","identity":"15559876543"},"metadata":"` + metadata + `"}}`)
	}
	tests := []struct {
		name string
		body []byte
		want string
	}{
		{"without plus", text("15559876543", "12065550100"), "conversation:+15559876543"},
		{"with plus", text("+15559876543", "+12065550100"), "conversation:+15559876543"},
		{"to nobody in particular", text("15559876543", ""), "conversation:+15559876543"},
		{"to our other number", text("15559876543", "12065550101"), "conversation:+15559876543:+12065550101"},
		{"to a short code", text("15559876543", "12345"), "conversation:+15559876543:12345"},
		{"receipt", delivered("run-1"), "conversation:+15559876543"},
		{"receipt of our other number", delivered("run-1 +12065550101"), "conversation:+15559876543:+12065550101"},
		{"receipt of our default number", delivered("run-1 +12065550100"), "conversation:+15559876543"},
		{"receipt of another program's message", delivered(`{\"order\": 5}`), "conversation:+15559876543"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			response, _ := ask(t, callbacks(&f).Handler(), signed(tt.body, secret, signedAt))
			require.Equal(t, http.StatusOK, response.StatusCode)
			require.Len(t, f.calls, 1)
			require.Equal(t, tt.want, f.calls[0].ID)
		})
	}
}

func TestNeverOurs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, reason string }{
		{"from a short code", string(text("12345", "12065550100")), "sender"},
		{"from a name", string(text("ACME", "12065550100")), "sender"},
		{"our own message", strings.Replace(string(text("15559876543", "")), "TO_APP", "TO_CONTACT", 1), "direction"},
		{"without an id", strings.Replace(string(text("15559876543", "")), "01EQ8235TD19N21XQTH12B145D", "", 1), "id"},
		{"another channel", strings.Replace(string(text("15559876543", "")), "SMS", "WHATSAPP", 1), "channel"},
		{"another app", strings.Replace(string(text("15559876543", "")), sinchApp, "01EB37HMH1M6SV18ABNS3G135X", 1), "app"},
		{"nothing", `{}`, "trigger"},
		{"all null", `{"app_id":null,"message":null}`, "trigger"},
		{"of the wrong type", `{"message":"hello"}`, "id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			response, body := ask(t, callbacks(&f).Handler(), signed([]byte(tt.body), secret, signedAt))
			require.Equal(t, http.StatusOK, response.StatusCode)
			require.Equal(t, map[string]any{"result": "dropped", "reason": tt.reason}, body)
			require.Empty(t, f.calls)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	good := text("15559876543", "12065550100")
	without := func(header string) *http.Request {
		r := signed(good, secret, signedAt)
		r.Header.Del(header)
		return r
	}
	with := func(header, value string) *http.Request {
		r := signed(good, secret, signedAt)
		r.Header.Set(header, value)
		return r
	}
	tampered := signed(good, secret, signedAt)
	tampered.Body = http.NoBody
	large := bytes.Repeat([]byte("x"), longestCallback+1)
	unannounced := signed(large, secret, signedAt)
	unannounced.ContentLength = -1
	get := signed(nil, secret, signedAt)
	get.Method = http.MethodGet
	elsewhere := signed(good, secret, signedAt)
	elsewhere.URL.Path = "/webhooks/other"

	tests := []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"no signature", without(sinch.HeaderSignature), http.StatusUnauthorized},
		{"no timestamp", without(sinch.HeaderTimestamp), http.StatusUnauthorized},
		{"no nonce", without(sinch.HeaderNonce), http.StatusUnauthorized},
		{"another algorithm", with(sinch.HeaderAlgorithm, "HmacMD5"), http.StatusUnauthorized},
		{"another secret", signed(good, "guess", signedAt), http.StatusUnauthorized},
		{"the empty secret", signed(good, "", signedAt), http.StatusUnauthorized},
		{"another signature", with(sinch.HeaderSignature, "6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE="), http.StatusUnauthorized},
		{"another nonce", with(sinch.HeaderNonce, "n"), http.StatusUnauthorized},
		{"another timestamp", with(sinch.HeaderTimestamp, strconv.FormatInt(signedAt.Unix()+1, 10)), http.StatusUnauthorized},
		{"another body", tampered, http.StatusUnauthorized},
		{"too old", signed(good, secret, signedAt.Add(-5*time.Minute-time.Second)), http.StatusUnauthorized},
		{"from the future", signed(good, secret, signedAt.Add(5*time.Minute+time.Second)), http.StatusUnauthorized},
		{"not JSON, and not signed", signed([]byte("hello"), "guess", signedAt), http.StatusUnauthorized},
		{"not JSON", signed([]byte("hello"), secret, signedAt), http.StatusBadRequest},
		{"empty", signed(nil, secret, signedAt), http.StatusBadRequest},
		{"half a body", signed(good[:len(good)-2], secret, signedAt), http.StatusBadRequest},
		{"JSON, but no object", signed([]byte(`["message"]`), secret, signedAt), http.StatusBadRequest},
		{"too large", signed(large, secret, signedAt), http.StatusRequestEntityTooLarge},
		{"too large, unannounced", unannounced, http.StatusRequestEntityTooLarge},
		{"another method", get, http.StatusMethodNotAllowed},
		{"another path", elsewhere, http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			response, body := ask(t, callbacks(&f).Handler(), tt.r)
			require.Equal(t, tt.status, response.StatusCode)
			require.Equal(t, "refused", body["result"])
			require.NotEmpty(t, body["reason"])
			require.Empty(t, f.calls)
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	good := text("15559876543", "12065550100")
	with := func(header, value string) *http.Request {
		r := signed(good, secret, signedAt)
		r.Header.Set(header, value)
		return r
	}
	noAlgorithm := signed(good, secret, signedAt)
	noAlgorithm.Header.Del(sinch.HeaderAlgorithm)
	padded := append(bytes.Repeat([]byte(" "), longestCallback-len(good)), good...)
	tests := []struct {
		name string
		r    *http.Request
	}{
		{"as old as allowed", signed(good, secret, signedAt.Add(-5*time.Minute))},
		{"as early as allowed", signed(good, secret, signedAt.Add(5*time.Minute))},
		{"the secret that is being replaced", signed(good, "old", signedAt)},
		{"without an algorithm", noAlgorithm},
		{"another content type: the signature says enough", with("Content-Type", "text/plain")},
		{"no app id", signed(bytes.Replace(good, []byte(sinchApp), nil, 1), secret, signedAt)},
		{"as large as allowed", signed(padded, secret, signedAt)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fake
			h := callbacks(&f)
			h.Secrets = fixed{secret, "old"}
			response, body := ask(t, h.Handler(), tt.r)
			require.Equal(t, http.StatusOK, response.StatusCode, body)
			require.Len(t, f.calls, 1)
		})
	}
}

// TestPaths: each has secrets of its own, and handles every kind of callback.
func TestPaths(t *testing.T) {
	t.Parallel()
	const all, receipts = "/webhooks/sinch", "/webhooks/sinch/receipts"
	kinds := map[string][]byte{
		"a text": text("15559876543", "12065550100"),
		"a receipt": []byte(`{"app_id":"` + sinchApp + `","message_delivery_report":{"message_id":"m1","status":"DELIVERED",
			"channel_identity":{"channel":"SMS","identity":"15559876543"},"metadata":"run-1"}}`),
	}
	tests := []struct {
		name, path, secret string
		status             int
	}{
		{"all", all, secret, http.StatusOK},
		{"all, with the receipts' secret", all, receiptsSecret, http.StatusUnauthorized},
		{"receipts", receipts, receiptsSecret, http.StatusOK},
		{"receipts, with the secret that is being replaced", receipts, "older", http.StatusOK},
		{"receipts, with the other secret", receipts, secret, http.StatusUnauthorized},
		{"receipts, with none", receipts, "", http.StatusUnauthorized},
	}
	for _, tt := range tests {
		for kind, body := range kinds {
			t.Run(tt.name+": "+kind, func(t *testing.T) {
				t.Parallel()
				var f fake
				response, answer := ask(t, callbacks(&f).Handler(), signedFor(tt.path, body, tt.secret, signedAt))
				require.Equal(t, tt.status, response.StatusCode, answer)
				if tt.status != http.StatusOK {
					require.Empty(t, f.calls)
					return
				}
				require.Len(t, f.calls, 1)
				require.Equal(t, "conversation:+15559876543", f.calls[0].ID)
			})
		}
	}
}

// TestTemporalIsAway: whatever the error, Sinch shall come again.
func TestTemporalIsAway(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"composed/inbound-text-conversation.json", "composed/delivery-2-delivered.json"} {
		for _, err := range []error{errors.New("exceeded limit of signals to +15551234567"), context.DeadlineExceeded, context.Canceled} {
			t.Run(name+": "+err.Error()[:8], func(t *testing.T) {
				t.Parallel()
				response, body := ask(t, callbacks(&fake{err: err}).Handler(), signed(fixture(t, name), secret, signedAt))
				require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
				require.NotEmpty(t, response.Header.Get("Retry-After"))
				require.Equal(t, map[string]any{"result": "unavailable", "reason": "Temporal did not take it"}, body)
			})
		}
	}
}

func TestReceiptOfAClosedConversation(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := callbacks(&fake{err: conversations.ErrClosed})
	h.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
	response, body := ask(t, h.Handler(), signed(fixture(t, "composed/delivery-2-delivered.json"), secret, signedAt))
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, map[string]any{"result": "dropped", "reason": "closed"}, body)
	require.Contains(t, log.String(), `"message_id":"01EQBC1A3BEK731GY4YXEN0C2R"`)
}

// TestHungUp: the caller's context may end, but not what it began.
func TestHungUp(t *testing.T) {
	t.Parallel()
	var f fake
	r := signed(text("15559876543", ""), secret, signedAt)
	ctx, hangUp := context.WithCancel(r.Context())
	hangUp()
	ask(t, callbacks(&f).Handler(), r.WithContext(ctx))
	require.Len(t, f.calls, 1)
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	var f fake
	r := signed(text("15559876543", ""), secret, signedAt)
	r.Body = http.NoBody
	broken := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/webhooks/sinch", iotest.ErrReader(errors.New("connection reset")))
	broken.Header = r.Header
	response, _ := ask(t, callbacks(&f).Handler(), broken)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "a 4xx would lose it")
	require.Empty(t, f.calls)
}

func TestPanic(t *testing.T) {
	t.Parallel()
	h := callbacks(&fake{})
	h.Now = func() time.Time { panic("out of time") }
	response, body := ask(t, h.Handler(), signed(text("15559876543", ""), secret, signedAt))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, map[string]any{"result": "unavailable", "reason": "a fault of ours"}, body)
}

// TestLogs shows that lines name the kind of callback and what became of it, and
// neither the number nor the text.
func TestLogs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		r    *http.Request
		err  error
		want []string
	}{
		{
			"inbound", signed(fixture(t, "composed/inbound-text-conversation.json"), secret, signedAt), nil,
			[]string{`"trigger":"MESSAGE_INBOUND"`, `"contact":"+1•••567"`, `"result":"accepted"`},
		},
		{
			"receipt", signed(fixture(t, "composed/delivery-1-queued.json"), secret, signedAt), nil,
			[]string{`"level":"INFO"`, `"trigger":"MESSAGE_DELIVERY"`, `"contact":"+1•••567"`, `"result":"dropped"`, `"reason":"not final"`, `"status":"onchannel"`, `"message_id":"01EQBC1A3BEK731GY4YXEN0C2R"`, `"key":"send-key-1"`, `"reference":"wf-42"`},
		},
		{
			"receipt of a message with a reference", signed(fixture(t, "composed/delivery-1-queued-reference.json"), secret, signedAt), nil,
			[]string{`"level":"INFO"`, `"result":"accepted"`, `"status":"onchannel"`, `"key":"send-key-1"`, `"reference":"A-17"`},
		},
		{
			"failure", signed(fixture(t, "composed/delivery-2-failed.json"), secret, signedAt), nil,
			[]string{`"level":"WARN"`, `"result":"accepted"`, `"status":"failed"`, `"code":"RECIPIENT_NOT_REACHABLE"`, `"key":"send-key-1"`, `"reference":"wf-42"`},
		},
		{
			"failure, nobody waits for it", signed(fixture(t, "composed/delivery-2-failed.json"), secret, signedAt), conversations.ErrClosed,
			[]string{`"level":"WARN"`, `"result":"dropped"`, `"reason":"closed"`, `"code":"RECIPIENT_NOT_REACHABLE"`, `"message_id":"01EQBC1A3BEK731GY4YXEN0C2R"`},
		},
		{
			"wrong secret for receipts", signedFor("/webhooks/sinch/receipts", fixture(t, "composed/delivery-2-failed.json"), secret, signedAt), nil,
			[]string{`"level":"WARN"`, `"result":"refused"`, `wrong signature`, `"path":"/webhooks/sinch/receipts"`},
		},
		{
			"stale", signed(fixture(t, "composed/inbound-text-conversation.json"), secret, signedAt.Add(-time.Hour)), nil,
			[]string{`"level":"ERROR"`, `"reason":"stale"`, `"signed_at":"1770969600"`},
		},
		{
			"wrongly signed", signed(fixture(t, "composed/inbound-text-conversation.json"), "guess", signedAt), nil,
			[]string{`"level":"WARN"`, `"result":"refused"`, `wrong signature`},
		},
		{
			"not taken", signed(fixture(t, "composed/inbound-text-conversation.json"), secret, signedAt),
			errors.New("signalling conversation:+15551234567: no connection"),
			[]string{`"level":"ERROR"`, `"result":"unavailable"`, `signalling conversation:+1•••567`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := callbacks(&fake{err: tt.err})
			h.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
			ask(t, h.Handler(), tt.r)
			for _, want := range tt.want {
				require.Contains(t, log.String(), want)
			}
			require.NotContains(t, log.String(), "15551234567")
			require.NotContains(t, log.String(), "Hi!")
		})
	}
}

// TestLogsNothingOfOthers: what another program sends along with its messages
// may hold anything, and a reference may look like a number.
func TestLogsNothingOfOthers(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := callbacks(&fake{})
	h.Log = telemetry.Logger(&log, telemetry.JSON, slog.LevelInfo)
	for _, metadata := range []string{`{\"name\":\"Ana\"}`, "Ünal", strings.Repeat("k", 201)} {
		ask(t, h.Handler(), signed([]byte(`{"app_id":"`+sinchApp+`","correlation_id":"of +15551234567","message_delivery_report":{"message_id":"m1","status":"DELIVERED",
			"channel_identity":{"channel":"SMS","identity":"15551234567"},"metadata":"`+metadata+`"}}`), secret, signedAt))
	}
	require.Equal(t, 3, strings.Count(log.String(), `"reference":"of +1•••567"`))
	require.NotContains(t, log.String(), `"key"`)
	require.NotContains(t, log.String(), "15551234567")
}

func TestProbes(t *testing.T) {
	t.Parallel()
	h := callbacks(&fake{})
	handler := h.Handler()
	probe := func(method, path string) int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), method, path, nil))
		return recorder.Code
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		require.Equal(t, http.StatusOK, probe(method, "/healthz"), "the process itself is well")
	}
	require.Equal(t, http.StatusServiceUnavailable, probe(http.MethodGet, "/readyz"))
	h.Ready.Begin()
	require.Equal(t, http.StatusOK, probe(http.MethodGet, "/readyz"))
	h.Ready.End()
	require.Equal(t, http.StatusServiceUnavailable, probe(http.MethodGet, "/readyz"))
	require.Equal(t, http.StatusOK, probe(http.MethodGet, "/healthz"))
}
