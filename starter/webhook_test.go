package main

import (
	"maps"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
	"parley/sinch/sinchtest"
)

// atSinch is a Sinch without webhooks, and the settings that lead to it.
func atSinch(t *testing.T) (*sinchtest.Server, settings.Env) {
	t.Helper()
	sim := sinchtest.New(sinchtest.Options{})
	return sim, settingsOf(t, sim)
}

// settingsOf are the settings that lead to a Sinch, which is closed after the test.
func settingsOf(t *testing.T, sim *sinchtest.Server) settings.Env {
	t.Helper()
	listener := httptest.NewServer(sim)
	t.Cleanup(listener.Close)
	t.Cleanup(sim.Close)
	return settings.Env{
		"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID,
		"SINCH_ACCESS_KEY": "key", "SINCH_ACCESS_KEY_SECRET": "key-secret",
		"SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	sim, env := atSinch(t)
	const target = "https://sms.example.com/webhooks/sinch"

	_, stderr, code := parley(t, env, "webhook", "register", "--url", target)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "set SINCH_WEBHOOK_SECRET")
	stdout, _, code := parley(t, env, "webhook", "list")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "the app has no webhook")

	env["SINCH_WEBHOOK_SECRET"] = "newest-secret,older-secret"
	stdout, stderr, code = parley(t, env, "webhook", "register", "--url", target, "--json")
	require.Equal(t, 0, code, stderr)
	made := unmarshal[hook](t, stdout)
	require.Equal(t, hook{ID: made.ID, Target: target, Triggers: []string{"MESSAGE_INBOUND", "MESSAGE_DELIVERY"}}, made)
	require.NotEmpty(t, made.ID)
	require.Equal(t, "newest-secret", sim.Webhooks()[0].Secret)
	require.NotContains(t, stdout, "secret")

	_, stderr, code = parley(t, env, "webhook", "register", "--url", target, "--triggers", "message_inbound")
	require.Equal(t, 1, code)
	require.Equal(t, "parley: "+target+" is registered already, as "+made.ID+" for MESSAGE_INBOUND,MESSAGE_DELIVERY; nobody can see with which secret: "+
		"to change that, or the triggers, run parley webhook delete "+made.ID+" and register it again\n", stderr)
	_, stderr, code = parley(t, env, "webhook", "register", "--url", target+"/2", "--triggers", "message_outbound")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "creating the webhook: INVALID_ARGUMENT")

	stdout, _, _ = parley(t, env, "webhook", "list")
	require.Equal(t, made.ID+"  "+target+"  MESSAGE_INBOUND,MESSAGE_DELIVERY\n", stdout)
	stdout, _, code = parley(t, env, "webhook", "delete", made.ID)
	require.Equal(t, 0, code)
	require.Equal(t, "deleted "+made.ID+"\n", stdout)
	_, stderr, code = parley(t, env, "webhook", "delete", made.ID)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "there is no webhook "+made.ID)
	stdout, _, _ = parley(t, env, "webhook", "list", "--json")
	require.Equal(t, "[]\n", stdout)
}

// TestWebhookDefaults: what a webhook is registered for, and with which secret.
func TestWebhookDefaults(t *testing.T) {
	t.Parallel()
	const inbound, delivery, submit = "MESSAGE_INBOUND", "MESSAGE_DELIVERY", "MESSAGE_SUBMIT"
	tests := []struct {
		name     string
		args     []string
		env      settings.Env
		triggers []string
		secret   string
	}{
		{"one for all", nil, nil, []string{inbound, delivery}, "secret-1"},
		{"one for all, all receipts", nil, settings.Env{"SINCH_RECEIPTS": "all"}, []string{inbound, delivery, submit}, "secret-1"},
		{"one for all beside another secret", nil, settings.Env{"SINCH_RECEIPTS_SECRET": "receipts-1"}, []string{inbound, delivery}, "secret-1"},
		{"receipts", []string{"--receipts"}, settings.Env{"SINCH_RECEIPTS_SECRET": "receipts-1,receipts-0"}, []string{delivery}, "receipts-1"},
		{"all receipts", []string{"--receipts"}, settings.Env{"SINCH_RECEIPTS_SECRET": "receipts-1", "SINCH_RECEIPTS": "all"}, []string{delivery, submit}, "receipts-1"},
		{"receipts, without a secret of their own", []string{"--receipts"}, nil, []string{delivery}, "secret-1"},
		{"receipts, no other secret known", []string{"--receipts"}, settings.Env{"SINCH_RECEIPTS_SECRET": "receipts-1", "SINCH_WEBHOOK_SECRET": ""}, []string{delivery}, "receipts-1"},
		{"texts", []string{"--triggers", inbound}, settings.Env{"SINCH_RECEIPTS": "all"}, []string{inbound}, "secret-1"},
		{"as asked for", []string{"--receipts", "--triggers", submit}, nil, []string{submit}, "secret-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sim, env := atSinch(t)
			env["SINCH_WEBHOOK_SECRET"] = "secret-1,secret-0"
			maps.Copy(env, tt.env)
			stdout, stderr, code := parley(t, env, append([]string{"webhook", "register", "--url", "https://sms.example.com/hook"}, tt.args...)...)
			require.Equal(t, 0, code, stderr)
			made := sim.Webhooks()[0]
			require.Equal(t, tt.triggers, made.Triggers)
			require.Equal(t, tt.secret, made.Secret)
			require.NotContains(t, stdout, tt.secret)
		})
	}
}

func TestWebhookHelp(t *testing.T) {
	t.Parallel()
	stdout, _, code := parley(t, nil, "webhook", "register", "--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--receipts --url https://sms.example.com/webhooks/sinch/receipts")
	require.Contains(t, stdout, "--triggers MESSAGE_INBOUND --url")
}
