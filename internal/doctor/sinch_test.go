package doctor

import (
	"maps"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
	"parley/sinch"
	"parley/sinch/sinchtest"
)

func TestAsksSinch(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, options sinchtest.Options, change settings.Env, hooks ...sinchtest.Webhook) map[string][]Finding {
		t.Helper()
		options.AccessKey, options.AccessSecret, options.Webhooks = "k3y", "k3y-s3cret", hooks
		sim := sinchtest.New(options)
		listener := httptest.NewServer(sim)
		t.Cleanup(listener.Close)
		t.Cleanup(sim.Close)
		env := settings.Env{
			"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID, "SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "k3y-s3cret",
			"SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
		}
		maps.Copy(env, change)
		return examined(t, env)
	}
	good := sinchtest.Webhook{Target: "https://sms.example.com/webhooks/sinch", Secret: "h00k-s3cret"}

	t.Run("the key is wrong", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_ACCESS_KEY_SECRET": "wr0ng"}, good), "Sinch's app")
		require.Equal(t, Fail, f.Status)
		require.Equal(t, "Sinch's answer: INVALID_CLIENT", f.Found)
		require.Contains(t, f.Advice, "check SINCH_ACCESS_KEY")
	})
	t.Run("the app is in another region", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_APP_ID": "elsewhere"}, good), "Sinch's app")
		require.Equal(t, Fail, f.Status)
		require.Equal(t, "Sinch's answer: NOT_FOUND", f.Found)
		require.Contains(t, f.Advice, "an app is known in its own region only")
	})
	t.Run("Sinch is away", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, settings.Env{"SINCH_API_URL": "http://127.0.0.1:9", "SINCH_AUTH_URL": "http://127.0.0.1:9"}), "Sinch's app")
		require.Equal(t, Fail, f.Status)
		require.Equal(t, "Sinch's answer: connection refused", f.Found)
	})
	t.Run("Sinch keeps no list", func(t *testing.T) {
		t.Parallel()
		found := ask(t, sinchtest.Options{Mode: sinchtest.Dispatch}, nil, good)
		require.Contains(t, one(t, found, "Sinch's app").Found, "in DISPATCH mode")
		require.Equal(t, Warn, one(t, found, "Sinch's message list").Status)
		require.Equal(t, OK, one(t, ask(t, sinchtest.Options{Mode: sinchtest.Dispatch, DispatchRetentionDays: 2}, nil, good), "Sinch's message list").Status)
	})
	t.Run("there is no webhook", func(t *testing.T) {
		t.Parallel()
		f := one(t, ask(t, sinchtest.Options{}, nil), "Sinch's webhook")
		require.Equal(t, Fail, f.Status)
		require.Contains(t, f.Advice, "parley webhook register --url https://")
	})
	t.Run("the webhooks are not right", func(t *testing.T) {
		t.Parallel()
		found := ask(t, sinchtest.Options{}, nil,
			sinchtest.Webhook{Target: "http://sms.example.com/webhooks/sinch/receipts?token=t0ken-s3cret", Secret: "h00k-s3cret", Triggers: []string{"MESSAGE_DELIVERY"}},
			sinchtest.Webhook{Target: "https://sms.example.com/other", Secret: "h00k-s3cret", Triggers: []string{"MESSAGE_INBOUND"}})["Sinch's webhook"]
		require.Len(t, found, 3)
		require.Equal(t, "texts come to http://sms.example.com/webhooks/sinch/receipts in clear", found[0].Found)
		require.Equal(t, Warn, found[1].Status)
		require.Equal(t, "no webhook of Parley's gets MESSAGE_INBOUND", found[2].Found)
		require.Equal(t, Fail, found[2].Status)
	})
}

func TestKnowsTheChannel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		channels []sinch.Channel
		status   Status
	}{
		{nil, Fail},
		{[]sinch.Channel{{Name: "RCS", Status: "ACTIVE"}}, Fail},
		{[]sinch.Channel{{Name: "SMS", Status: "FAILING", Detail: "closed"}}, Fail},
		{[]sinch.Channel{{Name: "SMS", Status: "PENDING"}}, Warn},
		{[]sinch.Channel{{Name: "SMS", Status: "ACTIVE"}}, OK},
		{[]sinch.Channel{{Name: "SMS"}}, OK},
	}
	for _, tt := range tests {
		require.Equal(t, tt.status, examineChannel(sinch.App{Channels: tt.channels}).Status, "%v", tt.channels)
	}
}
