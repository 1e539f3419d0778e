package test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the user's own shell and profile say, the tests stay on this machine.
func TestHostileEnvironment(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(profile, []byte("[profile.default]\naddress = \"192.0.2.1:7233\"\nnamespace = \"production\"\n"), 0o600))
	for name, value := range map[string]string{
		"TEMPORAL_CONFIG_FILE": profile, "TEMPORAL_ADDRESS": "192.0.2.1:7233", "TEMPORAL_NAMESPACE": "production", "TEMPORAL_API_KEY": "secret",
		"TEMPORAL_TLS": "true", "TEMPORAL_TASK_QUEUE": "elsewhere", "SINCH_API_URL": "http://192.0.2.1", "SINCH_AUTH_URL": "http://192.0.2.1",
		"SINCH_REGION": "mars", "SINCH_RECEIPTS": "maybe", "SINCH_WEBHOOK_TOLERANCE": "soon", "SINCH_SMS_SENDER": "nobody",
		"PARLEY_IDLE_AFTER": "never", "PARLEY_RESPONDER_URL": "http://192.0.2.1", "PARLEY_SEND_TASK_QUEUE": "elsewhere",
		"AWS_LAMBDA_RUNTIME_API": "192.0.2.1", "AWS_REGION": "mars", "HTTPS_PROXY": "http://192.0.2.1", "http_proxy": "http://192.0.2.1",
		"XDG_CONFIG_HOME": filepath.Dir(profile),
	} {
		t.Setenv(name, value)
	}
	w := newWorld(t)
	w.Text(ana, "hello")
	w.Receives(ana, youSaid("hello"))
}
