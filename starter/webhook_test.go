package main

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
	"parley/sinch/sinchtest"
)

func TestWebhook(t *testing.T) {
	t.Parallel()
	sim := sinchtest.New(sinchtest.Options{})
	listener := httptest.NewServer(sim)
	t.Cleanup(listener.Close)
	t.Cleanup(sim.Close)
	env := settings.Env{
		"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID,
		"SINCH_ACCESS_KEY": "key", "SINCH_ACCESS_KEY_SECRET": "key-secret",
		"SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
	}
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
