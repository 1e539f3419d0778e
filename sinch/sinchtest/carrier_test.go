package sinchtest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
	"parley/sms"
)

func TestList(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	c.send(ana, "one", "k1")
	c.send(bob, "two", "k2")
	c.Text(ana, "", "three")
	c.send(ana, "four", "k4")
	c.quiet()
	second := c.Sent()[1].AcceptedAt.Format(time.RFC3339Nano)

	for name, tt := range map[string]struct {
		query url.Values
		want  []string
	}{
		"all, newest first": {nil, []string{"four", "three", "two", "one"}},
		"one number":        {url.Values{"channel_identity": {"15559876543"}}, []string{"four", "three", "one"}},
		"number with plus":  {url.Values{"channel_identity": {"+12025550147"}, "channel": {"SMS"}}, []string{"two"}},
		"no number":         {url.Values{"channel_identity": {"nobody"}}, nil},
		"another channel":   {url.Values{"channel": {"WHATSAPP"}}, nil},
		"to the app":        {url.Values{"direction": {"TO_APP"}}, []string{"three"}},
		"to the contact":    {url.Values{"direction": {"TO_CONTACT"}, "app_id": {sinchtest.DefaultAppID}}, []string{"four", "two", "one"}},
		"from a time":       {url.Values{"start_time": {second}}, []string{"four", "three", "two"}},
		"until a time":      {url.Values{"end_time": {second}}, []string{"two", "one"}},
		"dispatch source":   {url.Values{"messages_source": {"DISPATCH_SOURCE"}}, nil},
		"small page":        {url.Values{"page_size": {"2"}}, []string{"four", "three"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := c.do(http.MethodGet, project+"/messages?"+tt.query.Encode(), nil)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, tt.want, texts(answer))
		})
	}
	for name, query := range map[string]string{
		"time":      "start_time=yesterday",
		"size":      "page_size=1001",
		"source":    "messages_source=ELSEWHERE",
		"direction": "direction=UP",
		"view":      "view=NICE",
		"channel":   "channel=PIGEON",
		"token":     "page_token=!",
		"contact":   "messages_source=DISPATCH_SOURCE&contact_id=x",
	} {
		t.Run("bad "+name, func(t *testing.T) {
			t.Parallel()
			status, _ := c.do(http.MethodGet, project+"/messages?"+query, nil)
			require.Equal(t, http.StatusBadRequest, status)
		})
	}
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		var all []string
		token := ""
		for range 5 {
			_, answer := c.do(http.MethodGet, project+"/messages?page_size=2&page_token="+token, nil)
			all = append(all, texts(answer)...)
			if token = answer["next_page_token"].(string); token == "" {
				break
			}
		}
		require.Equal(t, []string{"four", "three", "two", "one"}, all)
	})
	t.Run("one message", func(t *testing.T) {
		t.Parallel()
		status, m := c.do(http.MethodGet, project+"/messages/"+c.Sent()[0].ID, nil)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "k1", m["metadata"])
		require.Equal(t, "TO_CONTACT", m["direction"])
		require.NotContains(t, m, "correlation_id")
		require.Nil(t, m["message_status"])
	})
	t.Run("without metadata", func(t *testing.T) {
		t.Parallel()
		_, answer := c.do(http.MethodGet, project+"/messages?view=WITHOUT_METADATA", nil)
		require.Empty(t, answer["messages"].([]any)[0].(map[string]any)["metadata"])
	})
}

func texts(list map[string]any) []string {
	var found []string
	for _, m := range list["messages"].([]any) {
		for _, side := range []string{"app_message", "contact_message"} {
			if content, ok := m.(map[string]any)[side].(map[string]any); ok {
				found = append(found, content["text_message"].(map[string]any)["text"].(string))
			}
		}
	}
	return found
}

func TestListLags(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	c := start(t, sinchtest.Options{
		Readings: sinchtest.Readings{ListLag: sinchtest.Duration(time.Minute), ListHidesMetadata: true},
		Now:      func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
	})
	c.send(ana, "Hi", "k")
	_, answer := c.do(http.MethodGet, project+"/messages", nil)
	require.Empty(t, answer["messages"])

	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	_, answer = c.do(http.MethodGet, project+"/messages", nil)
	require.Equal(t, []string{"Hi"}, texts(answer))
	require.Empty(t, answer["messages"].([]any)[0].(map[string]any)["metadata"])
}

func TestWebhookManagement(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	create := func(change map[string]any) (int, map[string]any) {
		return c.do(http.MethodPost, project+"/webhooks", with(map[string]any{
			"app_id": sinchtest.DefaultAppID, "target": "https://hooks.example.com/sinch", "target_type": "HTTP",
			"secret": "s3cret", "triggers": []string{"MESSAGE_INBOUND"},
		}, change))
	}
	for name, tt := range map[string]struct {
		change map[string]any
		status int
	}{
		"no target":    {map[string]any{"target": ""}, 400},
		"no URL":       {map[string]any{"target": "hooks"}, 400},
		"long":         {map[string]any{"target": "https://a.example/" + strings.Repeat("a", 742)}, 400},
		"sinch itself": {map[string]any{"target": "https://conversation-api.prod.sinch.com/x"}, 400},
		"no triggers":  {map[string]any{"triggers": []string{}}, 400},
		"bad trigger":  {map[string]any{"triggers": []string{"UNSPECIFIED_TRIGGER"}}, 400},
		"bad type":     {map[string]any{"target_type": "GRPC"}, 400},
		"no app":       {map[string]any{"app_id": ""}, 400},
		"another app":  {map[string]any{"app_id": "other"}, 404},
	} {
		status, _ := create(tt.change)
		require.Equal(t, tt.status, status, name)
	}
	status, hook := create(nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "s3cret", hook["secret"], "the secret is echoed")
	status, answer := create(nil)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "INVALID_ARGUMENT", answer["error"].(map[string]any)["status"])

	path := project + "/webhooks/" + hook["id"].(string)
	status, got := c.do(http.MethodGet, path, nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, hook, got)

	_, got = c.do(http.MethodPatch, path+"?update_mask=target", map[string]any{"target": "https://b.example/x", "secret": "not this"})
	require.Equal(t, "https://b.example/x", got["target"])
	require.Equal(t, "s3cret", got["secret"])

	for n := range 4 {
		status, _ = create(map[string]any{"target": fmt.Sprintf("https://hooks.example.com/%d", n)})
		require.Equal(t, http.StatusOK, status)
	}
	status, _ = create(map[string]any{"target": "https://hooks.example.com/6"})
	require.Equal(t, http.StatusBadRequest, status, "the sixth")
	_, list := c.do(http.MethodGet, project+"/apps/"+sinchtest.DefaultAppID+"/webhooks", nil)
	require.Len(t, list["webhooks"], 5)

	status, _ = c.do(http.MethodDelete, path, nil)
	require.Equal(t, http.StatusOK, status)
	status, _ = c.do(http.MethodGet, path, nil)
	require.Equal(t, http.StatusNotFound, status)
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{CallbackURLSecret: "another"})
	everything, inbound, dismissed, own := listen(t), listen(t), listen(t), listen(t)
	for _, hook := range []sinchtest.Webhook{
		{Target: everything.url, Secret: "a", Triggers: []string{"MESSAGE_INBOUND", "MESSAGE_DELIVERY", "MESSAGE_SUBMIT", "CONTACT_CREATE", "CONVERSATION_START"}},
		{Target: inbound.url, Triggers: []string{"MESSAGE_INBOUND"}},
		{Target: dismissed.url, TargetType: "DISMISS"},
	} {
		_, err := c.AddWebhook(hook)
		require.NoError(t, err)
	}
	c.Text(ana, "", "Hello")
	c.quiet()
	require.ElementsMatch(t, []string{"message", "contact_create_notification", "conversation_start_notification"}, everything.kinds())
	require.Equal(t, []string{"message"}, inbound.kinds())
	require.Empty(t, inbound.all()[0].header.Get("X-Sinch-Webhook-Signature"), "no secret, no signature")
	require.Equal(t, sinchtest.Acknowledged, c.Inbound()[0].Status)
	require.Equal(t, 2, c.Inbound()[0].Attempts)

	status, _ := c.do(http.MethodPost, project+"/messages:send",
		with(textTo(ana, "Hi", "k"), map[string]any{"callback_url": own.url}))
	require.Equal(t, http.StatusOK, status)
	c.quiet()
	require.Equal(t, []string{"QUEUED_ON_CHANNEL", "DELIVERED"}, own.kinds(), "in place of the webhooks")
	require.Len(t, everything.kinds(), 4)
	require.Empty(t, dismissed.all())
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers   []int // the last one stays
		again     bool
		want      int
		status    sinchtest.Status
		sameStamp bool
	}{
		"server errors and throttling": {[]int{503, 500, 429, 200}, false, 4, sinchtest.Acknowledged, true},
		"signed again":                 {[]int{503, 200}, true, 2, sinchtest.Acknowledged, false},
		"refused for good":             {[]int{401}, false, 1, sinchtest.Lost, true},
		"redirects are not followed":   {[]int{307}, false, 1, sinchtest.Lost, true},
		"to the end of the schedule":   {[]int{503}, false, 16, sinchtest.Lost, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{RetryScale: 1e-9, Readings: sinchtest.Readings{SignAgain: tt.again}})
			h.answer = func(n int) int { return tt.answers[min(n, len(tt.answers))-1] }
			id := c.Text(ana, "", "Hello")
			c.quiet()
			m, _ := c.Message(id)
			require.Equal(t, tt.status, m.Status)
			require.Equal(t, tt.want, m.Attempts)
			nonces := map[string]bool{}
			for _, got := range h.all() {
				require.Equal(t, h.all()[0].body, got.body)
				nonces[got.header.Get("X-Sinch-Webhook-Signature-Nonce")] = true
			}
			if tt.sameStamp {
				require.Len(t, nonces, 1)
			} else {
				require.Len(t, nonces, tt.want)
			}
		})
	}
	t.Run("nobody listens, then somebody does", func(t *testing.T) {
		t.Parallel()
		var c *carrier
		gate := make(chan struct{})
		h := listen(t)
		c = start(t, sinchtest.Options{
			RetryScale: 1e-9, CallbackTimeout: 500 * time.Millisecond,
			Webhooks: []sinchtest.Webhook{h.webhook()},
		})
		h.answer = func(n int) int {
			if n == 1 {
				<-gate // longer than the carrier waits
			}
			return 200
		}
		id := c.Text(ana, "", "Hello")
		c.wait(func() bool { m, _ := c.Message(id); return m.Attempts >= 1 })
		close(gate)
		m, err := c.WaitAcknowledged(within(t), id)
		require.NoError(t, err)
		require.GreaterOrEqual(t, m.Attempts, 2)
	})
	t.Run("a slow webhook holds up nobody else", func(t *testing.T) {
		t.Parallel()
		gate := make(chan struct{})
		slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "stuck") {
				<-gate
			}
		})
		c := start(t, sinchtest.Options{})
		_, err := c.AddWebhook(sinchtest.Webhook{Target: serve(t, slow)})
		require.NoError(t, err)
		t.Cleanup(func() { close(gate) })
		c.Text(ana, "", "stuck")
		_, err = c.WaitAcknowledged(within(t), c.Text(ana, "", "free"))
		require.NoError(t, err)
	})
}

func TestNextFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		next     sinchtest.OneShot
		status   int // 0: the connection breaks
		accepted bool
	}{
		"error":           {sinchtest.OneShot{Fault: sinchtest.FaultError}, 503, false},
		"throttled":       {sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429, RetryAfter: sinchtest.Duration(time.Second)}, 429, false},
		"reset before":    {sinchtest.OneShot{Fault: sinchtest.FaultResetBefore}, 0, false},
		"reset after":     {sinchtest.OneShot{Fault: sinchtest.FaultResetAfter}, 0, true},
		"accept then 500": {sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}, 500, true},
		"accept then 502": {sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500, Status: 502}, 502, true},
		"accept and hang": {sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang, For: sinchtest.Duration(time.Millisecond)}, 0, true},
		"slow":            {sinchtest.OneShot{Fault: sinchtest.FaultSlow, For: sinchtest.Duration(time.Millisecond)}, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, h := startWithHook(t, sinchtest.Options{})
			c.Next(tt.next)
			status, _, err := c.try(http.MethodPost, project+"/messages:send", textTo(ana, "Hi", "k1"))
			require.Equal(t, tt.status, status)
			require.Equal(t, tt.status == 0, err != nil)
			c.quiet()
			if tt.accepted {
				require.Len(t, c.Sent(), 1)
				require.Len(t, h.all(), 3, "the callbacks come all the same")
			} else {
				require.Empty(t, c.Sent())
			}
			c.send(ana, "Hi", "k2") // used up
			require.Empty(t, c.Faults().Next)
		})
	}
	t.Run("of one phone only", func(t *testing.T) {
		t.Parallel()
		c := start(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, To: bob, Times: 2})
		c.send(ana, "Hi", "k")
		for range 2 {
			status, _ := c.do(http.MethodPost, project+"/messages:send", textTo(bob, "Hi", "k"))
			require.Equal(t, 503, status)
		}
		c.send(bob, "Hi", "k")
	})
	t.Run("of the list", func(t *testing.T) {
		t.Parallel()
		c := start(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, On: sinchtest.OnList, Status: 500})
		c.send(ana, "Hi", "k")
		status, _ := c.do(http.MethodGet, project+"/messages", nil)
		require.Equal(t, 500, status)
		status, _ = c.do(http.MethodGet, project+"/messages", nil)
		require.Equal(t, 200, status)
	})
	t.Run("callbacks before the answer", func(t *testing.T) {
		t.Parallel()
		c, h := startWithHook(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultCallbacksFirst})
		c.send(ana, "Hi", "k")
		require.Len(t, h.all(), 3)
	})
	t.Run("reverse order", func(t *testing.T) {
		t.Parallel()
		c, h := startWithHook(t, sinchtest.Options{})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultReverse})
		c.send(ana, "Hi", "k")
		c.quiet()
		require.Equal(t, []string{"DELIVERED", "QUEUED_ON_CHANNEL", "message_submit_notification"}, h.kinds())
	})
	t.Run("duplicate, drop and delay", func(t *testing.T) {
		t.Parallel()
		c, h := startWithHook(t, sinchtest.Options{})
		c.Next(
			sinchtest.OneShot{On: sinchtest.OnCallback, Fault: sinchtest.FaultDuplicate},
			sinchtest.OneShot{On: sinchtest.OnCallback, Fault: sinchtest.FaultDrop},
		)
		c.send(ana, "Hi", "k")
		c.quiet()
		kinds := h.kinds()
		slices.Sort(kinds)
		require.Equal(t, []string{"DELIVERED", "message_submit_notification", "message_submit_notification"}, kinds)
		require.True(t, c.Sent()[0].Callbacks[1].Dropped)

		c.Next(sinchtest.OneShot{On: sinchtest.OnCallback, Fault: sinchtest.FaultDelay, For: sinchtest.Duration(time.Hour)})
		c.Text(ana, "", "late")
		id := c.Text(ana, "", "early")
		_, err := c.WaitAcknowledged(within(t), id)
		require.NoError(t, err)
		require.Equal(t, sinchtest.Sent, c.Inbound()[0].Status)
	})
	t.Run("delivery fails", func(t *testing.T) {
		t.Parallel()
		c, _ := startWithHook(t, sinchtest.Options{Faults: sinchtest.Faults{FailNumbers: map[sms.Number]string{"1 202 555 0147": "CHANNEL_FAILURE"}}})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultFail, Reason: "RATE_LIMITED", To: ana})
		c.send(ana, "Hi", "k1")
		c.send(bob, "Hi", "k2")
		c.quiet()
		require.Equal(t, "RATE_LIMITED", c.Sent()[0].Reason)
		require.Equal(t, "CHANNEL_FAILURE", c.Sent()[1].Reason)
	})
	t.Run("no receipts", func(t *testing.T) {
		t.Parallel()
		c, h := startWithHook(t, sinchtest.Options{Faults: sinchtest.Faults{Receipts: sinchtest.NoFinalReceipts}})
		c.Next(sinchtest.OneShot{Fault: sinchtest.FaultNoReceipts})
		c.send(ana, "Hi", "k1")
		c.quiet()
		require.Empty(t, h.all())
		c.send(ana, "Hi", "k2")
		c.quiet()
		require.Equal(t, []string{"message_submit_notification", "QUEUED_ON_CHANNEL"}, h.kinds())
	})
	require.Panics(t, func() { sinchtest.New(sinchtest.Options{}).Next(sinchtest.OneShot{Fault: "explode"}) })
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	status, answer := c.do(http.MethodPut, "/faults", `{"errors":{"503":1},"retry_after":"1500ms","callbacks":{"duplicate":0.5}}`)
	require.Equal(t, http.StatusOK, status, "%v", answer)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+project+"/messages:send", strings.NewReader(string(encoded(t, textTo(ana, "Hi", "k")))))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 503, response.StatusCode)
	require.Equal(t, "2", response.Header.Get("Retry-After"), "whole seconds, rounded up")

	_, answer = c.do(http.MethodPatch, "/faults", `{"errors":{"503":0},"next":[{"fault":"accept_then_500","times":1}]}`)
	require.Equal(t, map[string]any{"duplicate": 0.5}, answer["callbacks"], "the rest stays")
	status, _ = c.do(http.MethodPost, project+"/messages:send", textTo(ana, "Hi", "k"))
	require.Equal(t, 500, status)
	c.send(ana, "Hi", "k")

	for _, nonsense := range []string{`{"errrors":{}}`, `{"errors":{"200":1}}`, `{"slow":2}`, `{"slow_for":"fast"}`, `{"next":[{"fault":"x"}]}`, `{"receipts":"some"}`, `{"fail_numbers":{"Ana":""}}`, `{} {}`} {
		status, answer := c.do(http.MethodPatch, "/faults", nonsense)
		require.Equal(t, http.StatusBadRequest, status, nonsense)
		require.NotEmpty(t, answer["error"])
	}

	status, _ = c.do(http.MethodPatch, "/faults", `{"expire_tokens":true,"outage":true}`)
	require.Equal(t, 200, status)
	status, _ = c.do(http.MethodGet, project+"/messages", nil)
	require.Equal(t, 503, status)
	c.SetFaults(sinchtest.Faults{})
	status, _ = c.do(http.MethodGet, project+"/messages", nil)
	require.Equal(t, 401, status)
	c.refresh()
	status, _ = c.do(http.MethodGet, project+"/messages", nil)
	require.Equal(t, 200, status)
}

func encoded(t *testing.T, body any) []byte {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	return data
}

func TestRatesAreRepeatable(t *testing.T) {
	t.Parallel()
	run := func() []int {
		c := start(t, sinchtest.Options{Seed: 7, Faults: sinchtest.Faults{Errors: map[int]float64{503: 0.3, 429: 0.2}}})
		var statuses []int
		for range 50 {
			status, _ := c.do(http.MethodPost, project+"/messages:send", textTo(ana, "Hi", "k"))
			statuses = append(statuses, status)
		}
		return statuses
	}
	first := run()
	require.Equal(t, first, run())
	require.Contains(t, first, 200)
	require.Contains(t, first, 429)
	require.Contains(t, first, 503)
}

func TestPhonesOverHTTP(t *testing.T) {
	t.Parallel()
	c, _ := startWithHook(t, sinchtest.Options{Senders: []sms.Sender{"+12065550100", "+12065550101"}})
	for _, number := range []string{"+15559876543", "%2B15559876543", "15559876543"} {
		status, m := c.do(http.MethodPost, "/phones/"+number+"/messages", `{"text":"Confirmed","to":"+1 206 555 0101"}`)
		require.Equal(t, http.StatusAccepted, status, "%v", m)
		require.Equal(t, "+15559876543", m["phone"])
		require.Equal(t, "+12065550101", m["sender"])
		require.Len(t, m["message_id"], 26)
	}
	c.quiet()
	_, answer := c.do(http.MethodGet, "/phones/15559876543/messages", nil)
	require.Len(t, answer["messages"], 3)
	first := answer["messages"].([]any)[0].(map[string]any)
	require.Equal(t, "ACKNOWLEDGED", first["status"])
	require.EqualValues(t, 1, first["attempts"])
	require.NotEmpty(t, first["acknowledged_at"])

	for _, body := range []string{`{}`, `{"txt":"a"}`, `{"text":"a","to":"+12065559999"}`, `{"text":"a","media":{"url":"b"}}`} {
		status, answer := c.do(http.MethodPost, "/phones/15559876543/messages", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.NotEmpty(t, answer["error"])
	}
	status, _ := c.do(http.MethodPost, "/phones/Ana/messages", `{"text":"a"}`)
	require.Equal(t, http.StatusBadRequest, status)

	status, _ = c.do(http.MethodPost, "/phones", `{"number":"1 (202) 555-0147"}`)
	require.Equal(t, http.StatusOK, status)
	_, answer = c.do(http.MethodGet, "/phones", nil)
	require.Len(t, answer["phones"], 2)
	require.Equal(t, []any{"+12065550100", "+12065550101"}, answer["senders"])

	c.send(bob, "one", "k1")
	c.send(ana, "two", "k2")
	_, answer = c.do(http.MethodGet, "/log?after=1", nil)
	require.Len(t, answer["messages"], 1)
	require.Equal(t, "k2", answer["messages"].([]any)[0].(map[string]any)["key"])
	_, answer = c.do(http.MethodGet, "/log?direction=TO_APP", nil)
	require.Len(t, answer["messages"], 3)

	_, answer = c.do(http.MethodPost, "/segments", `{"text":"Hello 👋"}`)
	require.Equal(t, "UCS-2", answer["encoding"])
	require.EqualValues(t, 1, answer["count"])
}

func TestEventsCatchUp(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	follow := func(after string) func() (name, id, data string) {
		request, err := http.NewRequestWithContext(within(t), http.MethodGet, c.url+"/events?after="+after, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		lines := bufio.NewScanner(response.Body)
		return func() (name, id, data string) {
			for lines.Scan() {
				field, value, _ := strings.Cut(lines.Text(), ": ")
				switch field {
				case "event":
					name = value
				case "id":
					id = value
				case "data":
					data = value
				case "":
					if name != "" {
						return name, id, data
					}
				}
			}
			t.Fatal("the stream ended")
			return
		}
	}
	_, phones := c.do(http.MethodGet, "/phones", nil)
	cursor := phones["cursor"].(string)

	next := follow(cursor)
	c.Text(ana, "", "Hello")
	name, _, data := next()
	require.Equal(t, "phone", name)
	require.Contains(t, data, string(ana))
	name, id, data := next()
	require.Equal(t, "message", name)
	require.Contains(t, data, `"text":"Hello"`)

	c.Text(ana, "", "missed")
	name, _, data = follow(id)()
	require.Equal(t, "message", name)
	require.Contains(t, data, `"text":"missed"`)

	name, _, _ = follow("another-1")()
	require.Equal(t, "reset", name, "the cursor of another server")
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	c := start(t, sinchtest.Options{})
	_, err := c.AddWebhook(sinchtest.Webhook{Target: serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))})
	require.NoError(t, err)
	t.Cleanup(func() { close(stuck) })
	c.Text(ana, "", "Hello")
	c.Next(sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang})
	held := make(chan error, 1)
	go func() {
		_, _, err := c.try(http.MethodPost, project+"/messages:send", textTo(ana, "Hi", "k"))
		held <- err
	}()
	c.wait(func() bool { return len(c.Sent()) == 1 })
	c.Close()
	require.Error(t, <-held)
	c.Text(ana, "", "after the end") // harmless
	require.ErrorIs(t, c.WaitFor(t.Context(), func() bool { return false }), http.ErrServerClosed)
}

func TestPageIsServed(t *testing.T) {
	t.Parallel()
	c := start(t, sinchtest.Options{})
	for _, path := range []string{"/", "/?phone=+15559876543", "/phones.js", "/phones.css", "/favicon.svg"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		require.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'self'")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/phones/15559876543/messages", strings.NewReader(`{"text":"a"}`))
	require.NoError(t, err)
	request.Header.Set("Origin", "https://elsewhere.example")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusForbidden, response.StatusCode, "a page from elsewhere may not text")
}
