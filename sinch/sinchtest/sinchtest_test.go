package sinchtest_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

const (
	ana    = sms.Number("+15559876543")
	bob    = sms.Number("+12025550147")
	secret = "foo_secret1234"
)

// carrier is a running Server with a client that has a token.
type carrier struct {
	*sinchtest.Server
	t     *testing.T
	url   string
	token string
}

func start(t *testing.T, options sinchtest.Options) *carrier {
	t.Helper()
	server := sinchtest.New(options)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	t.Cleanup(server.Close) // first, see Close
	c := &carrier{Server: server, t: t, url: listener.URL}
	c.refresh()
	return c
}

func (c *carrier) refresh() {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	require.NoError(c.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("key", "secret")
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer response.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(c.t, json.NewDecoder(response.Body).Decode(&token))
	c.token = token.AccessToken
}

// do calls the API and returns the status and the JSON that came back.
func (c *carrier) do(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	status, answer, err := c.try(method, path, body)
	require.NoError(c.t, err)
	return status, answer
}

func (c *carrier) try(method, path string, body any) (int, map[string]any, error) {
	c.t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	default:
		encoded, err := json.Marshal(body)
		require.NoError(c.t, err)
		content = strings.NewReader(string(encoded))
	}
	request, err := http.NewRequestWithContext(within(c.t), method, c.url+path, content)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer := map[string]any{}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	if len(data) > 0 {
		require.NoError(c.t, json.Unmarshal(data, &answer), "%s", data)
	}
	return response.StatusCode, answer, nil
}

const project = "/v1/projects/" + sinchtest.DefaultProjectID

// a send that Sinch accepts; the tests change what they are about.
func textTo(to sms.Number, text, key string) map[string]any {
	return map[string]any{
		"app_id": sinchtest.DefaultAppID,
		"recipient": map[string]any{"identified_by": map[string]any{
			"channel_identities": []any{map[string]any{"channel": "SMS", "identity": string(to)}},
		}},
		"message":          map[string]any{"text_message": map[string]any{"text": text}},
		"message_metadata": key,
	}
}

func with(body map[string]any, changes map[string]any) map[string]any {
	changed := maps.Clone(body)
	maps.Copy(changed, changes)
	return changed
}

func (c *carrier) send(to sms.Number, text, key string) {
	c.t.Helper()
	status, answer := c.do(http.MethodPost, project+"/messages:send", textTo(to, text, key))
	require.Equal(c.t, http.StatusOK, status, "%v", answer)
}

// within ends a test that would wait for ever.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (c *carrier) wait(condition func() bool) {
	c.t.Helper()
	require.NoError(c.t, c.WaitFor(within(c.t), condition))
}

// quiet waits until nothing is under way any more.
func (c *carrier) quiet() {
	c.t.Helper()
	c.wait(func() bool { return c.Stats().Open == 0 })
}

// hook is a webhook that remembers, and answers as it is told.
type hook struct {
	url    string
	mu     sync.Mutex
	got    []received
	answer func(n int) int // the status for the n-th request, from 1
}

type received struct {
	header http.Header
	body   []byte
	parsed map[string]any
}

func (r received) kind() string {
	for _, key := range []string{"message", "message_delivery_report", "message_submit_notification", "contact_create_notification", "conversation_start_notification"} {
		if _, ok := r.parsed[key]; ok {
			return key
		}
	}
	return ""
}

func (r received) part() map[string]any { return r.parsed[r.kind()].(map[string]any) }

func listen(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL + "/webhooks/sinch"
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var parsed map[string]any
	_ = json.Unmarshal(body, &parsed)
	h.mu.Lock()
	h.got = append(h.got, received{r.Header.Clone(), body, parsed})
	status := http.StatusOK
	if h.answer != nil {
		status = h.answer(len(h.got))
	}
	h.mu.Unlock()
	w.WriteHeader(status)
}

func (h *hook) all() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *hook) kinds() []string {
	kinds := []string{}
	for _, r := range h.all() {
		kind := r.kind()
		if kind == "message_delivery_report" {
			kind = r.part()["status"].(string)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func (h *hook) webhook() sinchtest.Webhook { return sinchtest.Webhook{Target: h.url, Secret: secret} }

func startWithHook(t *testing.T, options sinchtest.Options) (*carrier, *hook) {
	t.Helper()
	h := listen(t)
	options.Webhooks = append(options.Webhooks, h.webhook())
	return start(t, options), h
}

func TestSendReachesThePhoneAndCallsBack(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{})

	status, answer := c.do(http.MethodPost, project+"/messages:send",
		with(textTo(ana, "Hi Ana!", "send-key-1"), map[string]any{"correlation_id": "wf-42"}))
	require.Equal(t, http.StatusOK, status)
	require.Len(t, answer["message_id"], 26)
	_, err := time.Parse(time.RFC3339, answer["accepted_time"].(string))
	require.NoError(t, err)

	c.quiet()
	messages := c.Phone(ana).Messages()
	require.Len(t, messages, 1)
	require.Equal(t, "Hi Ana!", messages[0].Text)
	require.Equal(t, "send-key-1", messages[0].Key)
	require.Equal(t, sinchtest.Delivered, messages[0].Status)
	require.Equal(t, sinchtest.DefaultSender, messages[0].Sender)
	require.Equal(t, 1, messages[0].Segments)
	require.Equal(t, answer["message_id"], c.Sent()[0].ID)
	require.Equal(t, []sms.Number{ana}, c.Phones())

	require.Equal(t, []string{"message_submit_notification", "QUEUED_ON_CHANNEL", "DELIVERED"}, h.kinds())
	for _, got := range h.all() {
		require.Equal(t, "wf-42", got.parsed["correlation_id"])
		require.Equal(t, answer["accepted_time"], got.parsed["accepted_time"], "of the original message")
		require.Equal(t, "send-key-1", got.part()["metadata"])
		require.Equal(t, answer["message_id"], got.part()["message_id"])
		require.Equal(t, "CONVERSATION", got.part()["processing_mode"])
		require.Len(t, got.part()["conversation_id"], 26)
		require.Equal(t, map[string]any{"channel": "SMS", "identity": "15559876543", "app_id": ""}, got.part()["channel_identity"])
	}
	require.Equal(t, "Hi Ana!",
		h.all()[0].part()["submitted_message"].(map[string]any)["text_message"].(map[string]any)["text"])
}

// The two ends of the wire are written apart; here they meet.
func TestSinchClientAndCallbacks(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{Senders: []sms.Sender{"+12065550100", "12345"}})
	client, err := sinch.NewClient(sinch.Config{
		ProjectID: sinchtest.DefaultProjectID, AppID: sinchtest.DefaultAppID, AccessKey: "key", AccessKeySecret: "secret",
		APIURL: c.url, AuthURL: c.url, Sender: "+12065550100",
	})
	require.NoError(t, err)
	ctx := within(t)

	sent, err := client.Send(ctx, sms.Outbound{Key: "key-1", To: ana, Text: "Hi Ana!", From: "12345", TTL: time.Minute, Reference: "order 7"})
	require.NoError(t, err)
	c.quiet()
	id := c.Text(ana, "12345", "Confirmed <b>&</b> 👍")
	c.quiet()
	c.ExpireTokens() // the client fetches another
	page, next, err := client.Messages(ctx, sinch.Query{Recipient: ana, Source: sinch.ConversationSource, Direction: sinch.ToContact})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Len(t, page, 1)
	require.Equal(t, "key-1", page[0].Key)
	require.Equal(t, sent.MessageID, page[0].ID)
	require.True(t, sent.At.Equal(page[0].AcceptedAt))
	app, err := client.App(ctx)
	require.NoError(t, err)
	require.Equal(t, sinch.ConversationSource, app.Source())
	created, err := client.CreateWebhook(ctx, sinch.Webhook{Target: "http://127.0.0.1:1/x", Triggers: sinch.Triggers, Secret: "s"})
	require.NoError(t, err)
	hooks, err := client.ListWebhooks(ctx)
	require.NoError(t, err)
	require.Len(t, hooks, 2)
	require.NoError(t, client.DeleteWebhook(ctx, created.ID))

	var statuses []sms.Status
	for _, got := range h.all() {
		require.NoError(t, sinch.Verify(got.header, got.body, []string{secret}, time.Now(), time.Minute))
		require.ErrorIs(t, sinch.Verify(got.header, got.body, []string{"other"}, time.Now(), time.Minute), sinch.ErrBadSignature)
		callback, err := sinch.ParseCallback(got.body)
		require.NoError(t, err)
		require.Empty(t, callback.Unused)
		if callback.Receipt != nil {
			statuses = append(statuses, callback.Receipt.Status)
			require.Equal(t, sent.MessageID, callback.Receipt.MessageID)
			require.Equal(t, "key-1", callback.Receipt.Key)
			require.Equal(t, ana, callback.Receipt.To)
			require.Equal(t, sms.Sender("12345"), callback.Receipt.From)
			require.Equal(t, "order 7", callback.Receipt.Reference)
			require.True(t, callback.Tracked)
			continue
		}
		require.Equal(t, "order 7", callback.Inbound.Reference, "the last one sent to this contact")
		require.Equal(t, id, callback.Inbound.ID)
		require.Equal(t, ana, callback.Inbound.From)
		require.Equal(t, sms.Sender("12345"), callback.Inbound.To)
		require.Equal(t, "Confirmed <b>&</b> 👍", callback.Inbound.Text)
		require.Contains(t, string(got.body), "Confirmed <b>&</b> 👍", "the text travels as it is")
	}
	require.Equal(t, []sms.Status{sms.StatusAccepted, sms.StatusOnChannel, sms.StatusDelivered}, statuses)
}

func TestInboundText(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{Senders: []sms.Sender{"+12065550100", "+12065550101"}})

	id := c.Text(ana, "+12065550101", "Confirmed")
	m, err := c.WaitAcknowledged(within(t), id)
	require.NoError(t, err)
	require.Equal(t, 1, m.Attempts)
	require.Equal(t, 1, m.AcknowledgedOrder)
	require.NotNil(t, m.AcknowledgedAt)
	require.Equal(t, "200", m.Callbacks[0].LastAnswer)

	got := h.all()[0]
	require.Equal(t, id, got.part()["id"])
	require.Equal(t, "TO_APP", got.part()["direction"])
	require.Equal(t, "12065550101", got.part()["sender_id"], "without a plus sign")
	require.Equal(t, false, got.part()["injected"])
	require.JSONEq(t, `{"operator":"310150"}`, got.part()["metadata"].(string))
	require.Equal(t, map[string]any{"text_message": map[string]any{"text": "Confirmed"}, "reply_to": nil}, got.part()["contact_message"])

	second := c.Phone(ana).Text("and again")
	m, err = c.WaitAcknowledged(within(t), second)
	require.NoError(t, err)
	require.Equal(t, sms.Sender("+12065550101"), m.Sender, "it goes to the number texted last")
	require.Equal(t, []string{id, second}, []string{c.Inbound()[0].ID, c.Inbound()[1].ID})
}

func TestMediaAndLocation(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{})
	c.Post(ana, "", sinchtest.Content{Media: &sinchtest.Media{URL: "https://example.com/a.jpg"}})
	c.quiet()
	c.Post(ana, "", sinchtest.Content{Location: &sinchtest.Location{Latitude: 47.6, Longitude: -2.8}})
	c.quiet()
	require.Equal(t, "https://example.com/a.jpg",
		h.all()[0].part()["contact_message"].(map[string]any)["media_message"].(map[string]any)["url"])
	require.Equal(t, map[string]any{"latitude": 47.6, "longitude": -2.8},
		h.all()[1].part()["contact_message"].(map[string]any)["location_message"].(map[string]any)["coordinates"])
	require.Equal(t, sms.KindLocation, c.Inbound()[1].Kind)
}

func TestModes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options sinchtest.Options
		ids     int    // length of contact and conversation ids
		echo    string // of the correlation id in the next inbound message
		listed  int
		source  string
	}{
		"conversation":            {sinchtest.Options{}, 26, "wf-42", 2, "CONVERSATION_SOURCE"},
		"dispatch":                {sinchtest.Options{Mode: sinchtest.Dispatch}, 0, "", 0, "DISPATCH_SOURCE"},
		"dispatch with retention": {sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 7}, 0, "wf-42", 2, "DISPATCH_SOURCE"},
		"dispatch, other source":  {sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 7}, 0, "wf-42", 0, "CONVERSATION_SOURCE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, tt.options)
			status, _ := c.do(http.MethodPost, project+"/messages:send",
				with(textTo(ana, "Hi", "k #"), map[string]any{"correlation_id": "wf-42", "conversation_metadata": map[string]any{"turn": 3}}))
			require.Equal(t, http.StatusOK, status)
			c.quiet()
			for _, receipt := range h.all() {
				require.Equal(t, "wf-42", receipt.parsed["correlation_id"], "receipts have it in either mode")
				require.Equal(t, "k #", receipt.part()["metadata"])
			}
			c.Text(ana, "", "Hello")
			c.quiet()
			inbound := h.all()[3]
			require.Len(t, inbound.part()["conversation_id"], tt.ids)
			require.Len(t, inbound.part()["contact_id"], tt.ids)
			require.Equal(t, tt.echo, inbound.parsed["correlation_id"])
			if tt.echo != "" {
				require.JSONEq(t, `{"turn":3}`, inbound.parsed["message_metadata"].(string))
			}

			_, list := c.do(http.MethodGet, project+"/messages?messages_source="+tt.source, nil)
			require.Len(t, list["messages"], tt.listed)
			_, app := c.do(http.MethodGet, project+"/apps/"+sinchtest.DefaultAppID, nil)
			want := tt.options.Mode
			if want == "" {
				want = sinchtest.Conversation
			}
			require.Equal(t, string(want), app["processing_mode"])
			require.EqualValues(t, tt.options.DispatchRetentionDays, app["dispatch_retention_policy"].(map[string]any)["ttl_days"])
		})
	}
}

func TestSendChecks(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	d := start(t, sinchtest.Options{Mode: sinchtest.Dispatch})
	identity := func(channel, identity string) map[string]any {
		return map[string]any{"recipient": map[string]any{"identified_by": map[string]any{
			"channel_identities": []any{map[string]any{"channel": channel, "identity": identity}},
		}}}
	}
	message := func(content string) map[string]any { return map[string]any{"message": json.RawMessage(content)} }
	for name, tt := range map[string]struct {
		change map[string]any
		status int
		says   string
	}{
		"as it should be":              {nil, 200, ""},
		"identity without plus":        {identity("SMS", "15559876543"), 200, ""},
		"no app":                       {map[string]any{"app_id": ""}, 400, "app_id"},
		"another app":                  {map[string]any{"app_id": "01EB37HMH1M6SV18ABNS3G135X"}, 404, "App"},
		"no recipient":                 {map[string]any{"recipient": nil}, 400, "recipient"},
		"empty recipient":              {map[string]any{"recipient": map[string]any{}}, 400, "recipient"},
		"no identities":                {map[string]any{"recipient": map[string]any{"identified_by": map[string]any{}}}, 400, "channel_identities"},
		"unknown contact":              {map[string]any{"recipient": map[string]any{"contact_id": "01EQ4174TGGY5B1VPTPGHW19R0"}}, 404, "Contact"},
		"contact and identity":         {map[string]any{"recipient": map[string]any{"contact_id": "x", "identified_by": map[string]any{}}}, 400, "both"},
		"recipient is words":           {identity("SMS", "Ana"), 400, "identity"},
		"unknown channel":              {identity("PIGEON", "15559876543"), 400, "PIGEON"},
		"channel the app has not":      {identity("WHATSAPP", "15559876543"), 400, "WHATSAPP"},
		"priority the app has not":     {map[string]any{"channel_priority_order": []string{"SMS", "RCS"}}, 400, "RCS"},
		"no message":                   {map[string]any{"message": nil}, 400, "message"},
		"empty message":                {message(`{}`), 400, "message"},
		"empty text":                   {message(`{"text_message":{"text":""}}`), 400, "text"},
		"unknown content":              {message(`{"fax_message":{}}`), 400, "fax_message"},
		"two contents":                 {message(`{"text_message":{"text":"a"},"media_message":{"url":"b"}}`), 400, "more than one"},
		"media":                        {message(`{"media_message":{"url":"https://example.com/a.jpg"}}`), 200, ""},
		"choice":                       {message(`{"choice_message":{"text_message":{"text":"Which?"},"choices":[{"text_message":{"text":"A"}}]}}`), 200, ""},
		"eleven choices":               {message(`{"choice_message":{"choices":[{},{},{},{},{},{},{},{},{},{},{}]}}`), 400, "10"},
		"metadata at the limit":        {map[string]any{"message_metadata": strings.Repeat("é", 1024)}, 200, ""},
		"metadata too long":            {map[string]any{"message_metadata": strings.Repeat("a", 1025)}, 400, "1024"},
		"metadata no text":             {map[string]any{"message_metadata": map[string]any{}}, 400, ""},
		"correlation at the limit":     {map[string]any{"correlation_id": strings.Repeat("a", 128)}, 200, ""},
		"correlation too long":         {map[string]any{"correlation_id": strings.Repeat("a", 129)}, 400, "128"},
		"conversation metadata text":   {map[string]any{"conversation_metadata": "words"}, 400, "object"},
		"conversation metadata long":   {map[string]any{"conversation_metadata": map[string]any{"a": strings.Repeat("a", 2048)}}, 400, "2048"},
		"property too long":            {map[string]any{"channel_properties": map[string]any{"X": strings.Repeat("a", 1025)}}, 400, "1024"},
		"property no text":             {map[string]any{"channel_properties": map[string]any{"SMS_FLASH_MESSAGE": true}}, 400, ""},
		"unknown property":             {map[string]any{"channel_properties": map[string]any{"X": "y"}}, 200, ""},
		"ttl":                          {map[string]any{"ttl": "3s"}, 200, ""},
		"ttl without unit":             {map[string]any{"ttl": "60"}, 400, "ttl"},
		"ttl a number":                 {map[string]any{"ttl": 60}, 400, ""},
		"ttl in minutes":               {map[string]any{"ttl": "1m"}, 400, "ttl"},
		"ttl too short":                {map[string]any{"ttl": "2s"}, 400, "ttl"},
		"ttl with a fraction":          {map[string]any{"ttl": "3.5s"}, 400, "ttl"},
		"callback url no url":          {map[string]any{"callback_url": "hooks"}, 400, "callback_url"},
		"unknown queue":                {map[string]any{"queue": "FAST"}, 400, "queue"},
		"unknown strategy":             {map[string]any{"processing_strategy": "X"}, 400, "processing_strategy"},
		"unknown field":                {map[string]any{"whatever": 1}, 200, ""},
		"unknown sender fails later":   {map[string]any{"channel_properties": map[string]any{"SMS_SENDER": "+12065559999"}}, 200, ""},
		"impossible number fails late": {identity("SMS", "+1999"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := c.do(http.MethodPost, project+"/messages:send", with(textTo(ana, "Hi", "k"), tt.change))
			require.Equal(t, tt.status, status, "%v", answer)
			if tt.status == 200 {
				return
			}
			failure := answer["error"].(map[string]any)
			require.EqualValues(t, tt.status, failure["code"])
			require.Equal(t, map[int]string{400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}[tt.status], failure["status"])
			require.Contains(t, failure["message"], tt.says)
		})
	}
	t.Run("contact in DISPATCH mode", func(t *testing.T) {
		t.Parallel()
		status, _ := d.do(http.MethodPost, project+"/messages:send",
			with(textTo(ana, "Hi", "k"), map[string]any{"recipient": map[string]any{"contact_id": "01EQ4174TGGY5B1VPTPGHW19R0"}}))
		require.Equal(t, http.StatusBadRequest, status)
	})
	t.Run("not JSON", func(t *testing.T) {
		t.Parallel()
		status, _ := c.do(http.MethodPost, project+"/messages:send", "{")
		require.Equal(t, http.StatusBadRequest, status)
	})
	t.Run("content type", func(t *testing.T) {
		t.Parallel()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+project+"/messages:send", strings.NewReader("{}"))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "text/plain")
		request.Header.Set("Authorization", "Bearer "+c.token)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
	})
}

func TestFailuresThatComeLater(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change    map[string]any
		code      string
		onChannel bool
	}{
		"unknown sender": {map[string]any{"channel_properties": map[string]any{"SMS_SENDER": "+12065559999"}}, "BAD_REQUEST", false},
		"too many parts": {map[string]any{
			"message":            map[string]any{"text_message": map[string]any{"text": strings.Repeat("a", 161)}},
			"channel_properties": map[string]any{"SMS_MAX_NUMBER_OF_MESSAGE_PARTS": "1"},
		}, "CHANNEL_REJECT", true},
		"missing channel": {map[string]any{"channel_priority_order": []string{"RCS"}}, "CHANNEL_CONFIGURATION_MISSING", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{Readings: sinchtest.Readings{ChannelCheckedLate: true}})
			status, answer := c.do(http.MethodPost, project+"/messages:send", with(textTo(ana, "Hi", "k"), tt.change))
			require.Equal(t, http.StatusOK, status, "%v", answer)
			c.quiet()
			want := []string{"message_submit_notification", "FAILED"}
			if tt.onChannel {
				want = []string{"message_submit_notification", "QUEUED_ON_CHANNEL", "FAILED"}
			}
			require.Equal(t, want, h.kinds())
			got := h.all()
			require.Equal(t, tt.code, got[len(got)-1].part()["reason"].(map[string]any)["code"])
			require.Equal(t, tt.code, c.Sent()[0].Reason)
		})
	}
}

// TestCorrelationIsKeptWithTheMessage: what goes out in DISPATCH mode leaves
// nothing behind for the contact's next message, in any app.
func TestCorrelationIsKeptWithTheMessage(t *testing.T) {
	t.Parallel()
	c, h := startWithHook(t, sinchtest.Options{})
	for _, send := range []map[string]any{
		{"correlation_id": "wf-42"},
		{"correlation_id": "wf-43", "processing_strategy": "DISPATCH_ONLY"},
	} {
		status, _ := c.do(http.MethodPost, project+"/messages:send", with(textTo(ana, "Hi", "k"), send))
		require.Equal(t, http.StatusOK, status)
		c.quiet()
		c.Text(ana, "", "Hello")
		c.quiet()
		got := h.all()
		require.Equal(t, "wf-42", got[len(got)-1].parsed["correlation_id"])
	}
}

// TestTTL: a message that is not delivered while it lives ends failed, and says
// so when its time is over, not when the delivery would have been due. The clock
// stands still but where a webhook takes its time.
func TestTTL(t *testing.T) {
	t.Parallel()
	const submitted, onChannel = 1, 2 // callbacks
	for name, tt := range map[string]struct {
		ttl    string
		delays sinchtest.Delays
		slow   int           // the callback whose answer takes
		took   time.Duration // so long
		want   []string
	}{
		"in time":                        {"30s", sinchtest.Delays{}, onChannel, 30 * time.Second, []string{"QUEUED_ON_CHANNEL", "DELIVERED"}},
		"as long as can be":              {"315576000000s", sinchtest.Delays{}, onChannel, 24 * time.Hour, []string{"QUEUED_ON_CHANNEL", "DELIVERED"}},
		"delivery held for too long":     {"30s", sinchtest.Delays{}, onChannel, 31 * time.Second, []string{"QUEUED_ON_CHANNEL", "FAILED"}},
		"delivery due later":             {"30s", sinchtest.Delays{Final: time.Hour}, onChannel, 29*time.Second + 999*time.Millisecond, []string{"QUEUED_ON_CHANNEL", "FAILED"}},
		"never reached the channel":      {"30s", sinchtest.Delays{}, submitted, time.Minute, []string{"FAILED"}},
		"channel due later, in its turn": {"30s", sinchtest.Delays{OnChannel: time.Hour}, submitted, 29*time.Second + 999*time.Millisecond, []string{"FAILED"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
			c, h := startWithHook(t, sinchtest.Options{Delays: tt.delays, Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			}})
			h.answer = func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				if n == tt.slow {
					now = now.Add(tt.took)
				}
				return http.StatusOK
			}
			status, answer := c.do(http.MethodPost, project+"/messages:send", with(textTo(ana, "Hi", "k"), map[string]any{"ttl": tt.ttl}))
			require.Equal(t, http.StatusOK, status, "%v", answer)
			c.quiet()
			require.Equal(t, append([]string{"message_submit_notification"}, tt.want...), h.kinds())
			sent := c.Sent()[0]
			require.Equal(t, sinchtest.Status(tt.want[len(tt.want)-1]), sent.Status)
			if sent.Status == sinchtest.Failed {
				require.Equal(t, "MESSAGE_EXPIRED", sent.Reason)
				last := h.all()[len(tt.want)]
				require.Equal(t, "MESSAGE_EXPIRED", last.part()["reason"].(map[string]any)["code"])
			}
		})
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{AccessKey: "key", AccessSecret: "secret"})
	post := func(form url.Values, key, password string) (int, map[string]any) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/oauth2/token", strings.NewReader(form.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if key != "" {
			request.SetBasicAuth(key, password)
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		var answer map[string]any
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		return response.StatusCode, answer
	}
	grant := url.Values{"grant_type": {"client_credentials"}}

	status, answer := post(grant, "key", "secret")
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 3599, answer["expires_in"])
	require.Equal(t, "bearer", answer["token_type"])

	status, _ = post(url.Values{"grant_type": grant["grant_type"], "client_id": {"key"}, "client_secret": {"secret"}}, "", "")
	require.Equal(t, http.StatusOK, status)

	status, answer = post(grant, "key", "wrong")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "invalid_client", answer["error"])

	status, answer = post(url.Values{"grant_type": {"password"}}, "key", "secret")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "unsupported_grant_type", answer["error"])

	c.token = "made.up.token"
	status, answer = c.do(http.MethodGet, project+"/messages", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "UNAUTHENTICATED", answer["error"].(map[string]any)["status"])
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	c := start(t, sinchtest.Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	ask := func() (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+project+"/messages", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.token)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		return response.StatusCode, response.Header.Get("WWW-Authenticate")
	}
	status, _ := ask()
	require.Equal(t, http.StatusOK, status)

	mu.Lock()
	now = now.Add(time.Hour + time.Minute)
	mu.Unlock()
	status, challenge := ask()
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, challenge, "expired")

	c.refresh()
	status, _ = ask()
	require.Equal(t, http.StatusOK, status)

	c.ExpireTokens()
	status, challenge = ask()
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, challenge, "expired")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	for name, tt := range map[string]struct {
		method, path string
		status       int
		grpc         string
	}{
		"another project":        {http.MethodGet, "/v1/projects/other/messages", 404, "NOT_FOUND"},
		"another app":            {http.MethodGet, project + "/apps/other", 404, "NOT_FOUND"},
		"no such message":        {http.MethodGet, project + "/messages/01EQBC1A3BEK731GY4YXEN0C2R", 404, "NOT_FOUND"},
		"no such webhook":        {http.MethodGet, project + "/webhooks/01EQBC1A3BEK731GY4YXEN0C2R", 404, "NOT_FOUND"},
		"no such route":          {http.MethodGet, project + "/nothing", 404, "NOT_FOUND"},
		"create webhook at apps": {http.MethodPost, project + "/apps/" + sinchtest.DefaultAppID + "/webhooks", 501, "UNIMPLEMENTED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := c.do(tt.method, tt.path, nil)
			require.Equal(t, tt.status, status)
			require.Equal(t, tt.grpc, answer["error"].(map[string]any)["status"])
		})
	}
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
