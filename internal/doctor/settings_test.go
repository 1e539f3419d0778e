package doctor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/settings"
)

func TestReadsTheSettings(t *testing.T) {
	t.Parallel()
	env := settings.Env{
		"PARLEY_IDLE_AFTER": "1h", "PARLEY_SEND_RATE": "10", "PARLEY_RESPONDER_TRIES": "often", "PARLEY_LOG_FORMAT": "xml", "PARLEY_NOTIFY_URL": "desk/t0ken-s3cret",
		"SINCH_WEBHOOK_SECRET": "h00k", "SINCH_APP_ID": "app", "SINCH_ACCESS_KEY_PARAM": "/parley/key",
	}
	found := examined(t, env)
	f := one(t, found, "settings")
	require.Equal(t, "4 settings not understood, or make no sense", f.Found)
	for _, want := range []string{"PARLEY_RESPONDER_TRIES is not understood", "set PARLEY_SEND_TASK_QUEUE", "set PARLEY_NOTIFY_URL", "PARLEY_LOG_FORMAT is not understood"} {
		require.Contains(t, f.Advice, want)
	}
	require.NotContains(t, f.Advice, "t0ken")
	require.Equal(t, OK, one(t, found, "settings of the webhook").Status)
	require.Equal(t, "not set here: SINCH_PROJECT_ID, SINCH_ACCESS_KEY_SECRET", one(t, found, "settings of the worker").Found, "a key may be kept elsewhere")

	env = settings.Env{
		"PARLEY_IDLE_AFTER": "1h", "PARLEY_ARCHIVE_DIR": "/nowhere/at/all",
		"PARLEY_RESPONDER_URL": "http://desk.example/t0ken-s3cret", "PARLEY_OUTCOME_URL": "http://127.0.0.1:1/x",
	}
	found = examined(t, env)
	require.Contains(t, one(t, found, "settings").Advice, "set PARLEY_IDLE_AFTER to 24h or more")
	require.Equal(t, "what is sent to PARLEY_RESPONDER_URL travels in clear", one(t, found, "plain http").Found)
	require.Equal(t, Warn, one(t, found, "archive").Status)
	require.NoDirExists(t, "/nowhere")
}
