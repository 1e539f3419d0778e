package doctor

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/secrets/parameterstest"
	"parley/internal/settings"
	"parley/sinch/sinchtest"
)

// TestDoctorReadsTheParameterStore, and takes what is there to Sinch. AWS's
// library reads the process's own environment, so this test has it for itself.
func TestReadsTheParameterStore(t *testing.T) {
	kept := parameterstest.Start(t, map[string]string{"/sinch/access-key": "k3y", "/sinch/access-key-secret": "k3y-s3cret", "/other": "x"})
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	sim := sinchtest.New(sinchtest.Options{AccessKey: "k3y", AccessSecret: "k3y-s3cret"})
	listener := httptest.NewServer(sim)
	t.Cleanup(listener.Close)
	t.Cleanup(sim.Close)
	found := examined(t, settings.Env{ //nolint:gosec // of nobody
		"SINCH_PROJECT_ID": sinchtest.DefaultProjectID, "SINCH_APP_ID": sinchtest.DefaultAppID, "SINCH_API_URL": listener.URL, "SINCH_AUTH_URL": listener.URL,
		"SINCH_ACCESS_KEY_PARAM": "/sinch/access-key", "SINCH_ACCESS_KEY_SECRET_PARAM": "/sinch/access-key-secret",
		"SINCH_WEBHOOK_SECRET_PARAM": "/sinch/conversation-webhook-secret", "SINCH_RECEIPTS_SECRET": "h00k", "SINCH_RECEIPTS_SECRET_PARAM": "/other",
	}, probing(listener.URL+"/webhooks/sinch"))

	lines := found["parameter store"]
	require.Len(t, lines, 4)
	require.Equal(t, Finding{Check: "parameter store", Status: OK, Found: "SINCH_ACCESS_KEY is read from /sinch/access-key"}, lines[0])
	require.Equal(t, OK, lines[1].Status)
	require.Equal(t, Fail, lines[2].Status)
	require.Contains(t, lines[2].Found, "reading parameter /sinch/conversation-webhook-secret: refused: there is no such parameter")
	require.Equal(t, Warn, lines[3].Status)
	require.Equal(t, "SINCH_RECEIPTS_SECRET_PARAM is not used: SINCH_RECEIPTS_SECRET is set itself", lines[3].Found)
	require.Contains(t, one(t, found, "Sinch's app").Found, "the access key is taken")
	require.Equal(t, "nothing was sent: it could not be signed", one(t, found, "probe").Found)
	require.Zero(t, kept.Asked("/other"))
}
