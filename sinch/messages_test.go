package sinch_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
	"parley/sms"
)

// The first message is a sample that Sinch published with its SDKs.
const listed = `{"messages":[
	{"id":"Fake ID","direction":"TO_APP","contact_message":{"text_message":{"text":"Test2"},"reply_to":null},
	 "channel_identity":{"channel":"SMS","identity":"12345678901","app_id":""},"conversation_id":"Fake ID","contact_id":"Fake ID",
	 "metadata":"{\"operator\":\"310150\"}","accept_time":"2024-02-22T07:40:46Z","sender_id":"Fake ID","processing_mode":"CONVERSATION","injected":false,"message_status":null},
	{"id":"M2","direction":"TO_CONTACT","app_message":{"text_message":{"text":"Hello"}},
	 "channel_identity":{"channel":"SMS","identity":"+15559876543"},"metadata":"run-1 +12065550199","accept_time":"2024-02-22T07:40:45.5Z",
	 "sender_id":"12065550100","message_status":{"status":"DELIVERED"}},
	{"id":"M3","direction":"TO_CONTACT","app_message":{"text_message":{"text":"Hello"}},"metadata":null,"sender_id":"12065550100","channel_identity":null},
	"no message"],"next_page_token":"ChowMUhR"}`

func TestMessages(t *testing.T) {
	t.Parallel()
	var asked url.Values
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.Path; got != "GET /v1/projects/project-1/messages" {
			t.Errorf("the request is %s", got)
		}
		asked = r.URL.Query()
		answer(200, listed)(w, r)
	})
	page, next, err := newClient(t, s.config()).Messages(t.Context(), sinch.Query{
		Recipient: "+15559876543", Direction: sinch.ToContact, Source: sinch.DispatchSource,
		Start: at("2024-02-22T08:40:00+01:00"), End: at("2024-02-22T07:41:00.5Z"), PageSize: 100, PageToken: "before",
	})
	require.NoError(t, err)
	require.Equal(t, "ChowMUhR", next)
	require.Equal(t, []sinch.Message{
		{ID: "Fake ID", Direction: sinch.ToApp, Contact: "+12345678901", Sender: "Fake ID", Text: "Test2", AcceptedAt: at("2024-02-22T07:40:46Z")},
		{ID: "M2", Direction: sinch.ToContact, Key: "run-1", Sender: "+12065550199", Contact: "+15559876543", Text: "Hello", AcceptedAt: at("2024-02-22T07:40:45.5Z"), Status: sms.StatusDelivered},
		{ID: "M3", Direction: sinch.ToContact, Sender: "+12065550100", Text: "Hello"},
	}, page)
	require.Equal(t, url.Values{
		"app_id": {"app-1"}, "channel": {"SMS"}, "channel_identity": {"15559876543"}, "direction": {"TO_CONTACT"},
		"messages_source": {"DISPATCH_SOURCE"}, "start_time": {"2024-02-22T07:40:00Z"}, "end_time": {"2024-02-22T07:41:00.5Z"},
		"page_size": {"100"}, "page_token": {"before"}, "view": {"WITH_METADATA"},
	}, asked)
}

func TestMessagesOfEverybody(t *testing.T) {
	t.Parallel()
	var asked url.Values
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		answer(200, `{"messages":[],"next_page_token":""}`)(w, r)
	})
	page, next, err := newClient(t, s.config()).Messages(t.Context(), sinch.Query{NoMetadata: true, AllChannels: true})
	require.NoError(t, err)
	require.Equal(t, url.Values{"app_id": {"app-1"}, "view": {"WITHOUT_METADATA"}}, asked)
	require.Empty(t, next)
	require.Empty(t, page)
}

func TestMessagesFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		status    int
		body      string
		want      string
		temporary bool
	}{
		{"refused", 403, `{"error":{"status":"PERMISSION_DENIED","message":"no list for 15559876543"}}`, "listing messages: PERMISSION_DENIED: no list for •••: check that the access key may use project SINCH_PROJECT_ID, and the account's balance", false},
		{"unavailable", 503, "", "listing messages: HTTP 503", true},
		{"busy", 429, "", "listing messages: RESOURCE_EXHAUSTED", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, 3599, answer(tt.status, tt.body))
			_, _, err := newClient(t, s.config()).Messages(t.Context(), sinch.Query{Recipient: "+15559876543"})
			require.EqualError(t, err, tt.want)
			var failure *sinch.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, tt.status, failure.Status)
			require.Equal(t, tt.temporary, failure.Temporary())
		})
	}

	s := newServer(t, 3599, answer(200, "<html>"))
	_, _, err := newClient(t, s.config()).Messages(t.Context(), sinch.Query{})
	require.EqualError(t, err, "listing messages: reading the answer: not a JSON object")
}

func TestApp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       sinch.App
		source     sinch.Source
	}{
		{
			name: "keeps conversations", body: `{"id":"app-1","display_name":"Parley","processing_mode":"CONVERSATION","retention_policy":{"retention_type":"MESSAGE_EXPIRE_POLICY","ttl_days":180},"dispatch_retention_policy":{"ttl_days":0}}`,
			want: sinch.App{ID: "app-1", Name: "Parley", ProcessingMode: "CONVERSATION", RetentionDays: 180}, source: sinch.ConversationSource,
		},
		{
			name: "dispatches and forgets", body: `{"id":"app-1","processing_mode":"DISPATCH","dispatch_retention_policy":{"retention_type":"MESSAGE_EXPIRE_POLICY","ttl_days":0}}`,
			want: sinch.App{ID: "app-1", ProcessingMode: "DISPATCH"},
		},
		{
			name: "dispatches and keeps", body: `{"id":"app-1","processing_mode":"DISPATCH","retention_policy":null,"dispatch_retention_policy":{"ttl_days":7}}`,
			want: sinch.App{ID: "app-1", ProcessingMode: "DISPATCH", DispatchRetentionDays: 7}, source: sinch.DispatchSource,
		},
		{name: "a new mode", body: `{"id":"app-1","processing_mode":"SOMETHING"}`, want: sinch.App{ID: "app-1", ProcessingMode: "SOMETHING"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.URL.Path; got != "GET /v1/projects/project-1/apps/app-1" {
					t.Errorf("the request is %s", got)
				}
				answer(200, tt.body)(w, r)
			})
			app, err := newClient(t, s.config()).App(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.want, app)
			require.Equal(t, tt.source, app.Source())
		})
	}

	s := newServer(t, 3599, answer(200, `{}`))
	_, err := newClient(t, s.config()).App(t.Context())
	require.EqualError(t, err, "reading the app's settings: the answer names no processing mode")
	s = newServer(t, 3599, answer(404, ``))
	_, err = newClient(t, s.config()).App(t.Context())
	require.ErrorContains(t, err, "SINCH_REGION")
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	const secret = "wh00k-s3cret"
	var calls []string
	s := newServer(t, 3599, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, r.Method+" "+r.URL.EscapedPath()+" "+string(body))
		switch r.Method {
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case http.MethodGet:
			answer(200, `{"webhooks":[{"id":"W1","target":"https://hooks.example.com/sinch","target_type":"HTTP","secret":"`+secret+`","triggers":["MESSAGE_INBOUND"],"client_credentials":null},{"id":"W2"}]}`)(w, r)
		default:
			answer(200, `{"id":"W1","target":"https://hooks.example.com/sinch","secret":"`+secret+`","triggers":["MESSAGE_INBOUND","MESSAGE_DELIVERY","MESSAGE_SUBMIT"]}`)(w, r)
		}
	})
	client := newClient(t, s.config())

	created, err := client.CreateWebhook(t.Context(), sinch.Webhook{Target: "https://hooks.example.com/sinch", Triggers: sinch.Triggers, Secret: secret})
	require.NoError(t, err)
	require.Equal(t, sinch.Webhook{ID: "W1", Target: "https://hooks.example.com/sinch", Triggers: sinch.Triggers}, created)

	list, err := client.ListWebhooks(t.Context())
	require.NoError(t, err)
	require.Equal(t, []sinch.Webhook{{ID: "W1", Target: "https://hooks.example.com/sinch", Triggers: []string{"MESSAGE_INBOUND"}}, {ID: "W2"}}, list)

	require.NoError(t, client.DeleteWebhook(t.Context(), "W/1"))
	require.Equal(t, []string{
		`POST /v1/projects/project-1/webhooks {"app_id":"app-1","target":"https://hooks.example.com/sinch","target_type":"HTTP","secret":"wh00k-s3cret","triggers":["MESSAGE_INBOUND","MESSAGE_DELIVERY","MESSAGE_SUBMIT"]}`,
		"GET /v1/projects/project-1/apps/app-1/webhooks ",
		"DELETE /v1/projects/project-1/webhooks/W%2F1 ",
	}, calls)
}

func TestWebhookHidesItsSecret(t *testing.T) {
	t.Parallel()
	hook := sinch.Webhook{ID: "W1", Target: "https://hooks.example.com/sinch", Triggers: sinch.Triggers, Secret: "wh00k-s3cret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "W1 https://hooks.example.com/sinch (MESSAGE_INBOUND, MESSAGE_DELIVERY, MESSAGE_SUBMIT)", fmt.Sprintf(verb, hook), verb)
		require.NotContains(t, fmt.Sprintf(verb, &hook), hook.Secret, verb)
	}

	s := newServer(t, 3599, answer(400, `{"error":{"message":"target exists, secret wh00k-s3cret"}}`))
	_, err := newClient(t, s.config()).CreateWebhook(t.Context(), hook)
	require.EqualError(t, err, "creating the webhook: INVALID_ARGUMENT: target exists, secret •••")
}

func TestCallsTimeOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, 3599, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	config := s.config()
	config.RequestTimeout = 20 * time.Millisecond
	_, err := newClient(t, config).App(t.Context())
	require.ErrorContains(t, err, "timeout")
}
