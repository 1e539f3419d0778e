package test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/test/e2e"
)

// finding is a line of what parley doctor says.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Found  string `json:"found"`
	Advice string `json:"advice"`
}

// doctor examines the installation with settings that may be other than its own,
// and returns the last finding of each check.
func (w *world) doctor(change map[string]string, args ...string) map[string]finding {
	w.T.Helper()
	settings := maps.Clone(w.Settings)
	maps.Copy(settings, change)
	command := exec.CommandContext(w.Ctx(), filepath.Join(e2e.Bin, "parley"), append([]string{"doctor", "--json"}, args...)...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.Dir}
	for name, value := range settings {
		command.Env = append(command.Env, name+"="+value)
	}
	printed, err := command.Output()
	var list []finding
	require.NoError(w.T, json.Unmarshal(printed, &list), "%s", printed)
	found, failed := map[string]finding{}, false
	for _, f := range list {
		found[f.Check] = f
		failed = failed || f.Status == "fail"
	}
	require.Equal(w.T, failed, err != nil, "the exit code: %v, %s", err, printed)
	require.NotContains(w.T, string(printed), settings["SINCH_WEBHOOK_SECRET"])
	require.NotContains(w.T, string(printed), settings["SINCH_ACCESS_KEY_SECRET"])
	return found
}

// The doctor finds a running installation well, and comes through its door as
// Sinch does. What it posts there reaches no conversation.
func TestDoctor(t *testing.T) {
	t.Parallel()

	w := newWorld(t, e2e.Setting("PARLEY_SEND_TASK_QUEUE", "sending"), e2e.Setting("PARLEY_SEND_RATE", "10"), e2e.Setting("SINCH_WEBHOOK_TOLERANCE", "24h"), allButtons)
	w.Text(ana, "hello")
	w.Receives(ana, youSaid("hello"))

	found := w.doctor(nil, "--probe", w.Hook)
	for check, f := range found {
		require.NotEqual(t, "fail", f.Status, "%s: %s", check, f.Found)
	}
	require.Equal(t, "sending is not paused; 10 texts in a second at most", found["sending"].Found)
	require.Contains(t, found["task queue sending, sending"].Found, "1 worker")
	require.Contains(t, found["probe"].Found, "signed, taken and dropped")
	require.Equal(t, "it reaches Temporal", found["webhook ready"].Found)
	require.Equal(t, "1 running", found["conversations"].Found)
	require.Equal(t, "0 conversations below version 1, the newest in use", found["older rules"].Found)
	require.Len(t, w.State(ana).Transcript, 2)

	tests := []struct {
		name, probe string
		settings    map[string]string
		found       string
	}{
		{"another secret", w.Hook, map[string]string{"SINCH_WEBHOOK_SECRET": "an0ther"}, "refused: callback has a wrong signature"},
		{"another path", strings.TrimSuffix(w.Hook, "/sinch"), nil, "answered 404: not the webhook's path"},
		{"another app", w.Hook, map[string]string{"SINCH_APP_ID": "01EB37HMH1M6SV18ABNS3G1350"}, "the webhook belongs to another app"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := w.in(t).doctor(tt.settings, "--probe", tt.probe)["probe"]
			require.Equal(t, "fail", f.Status)
			require.Contains(t, f.Found, tt.found)
			require.NotEmpty(t, f.Advice)
		})
	}
	t.Run("receipts have a secret of their own", func(t *testing.T) {
		f := w.in(t).doctor(map[string]string{"SINCH_WEBHOOK_SECRET": "an0ther", "SINCH_RECEIPTS_SECRET": secret}, "--probe", w.Hook+"/receipts")["probe"]
		require.Equal(t, "ok", f.Status)
	})
	t.Run("a conversation is paused", func(t *testing.T) {
		w := w.in(t)
		w.pauseWorkflow(wire.ID(ana, ""))
		w.Eventually("it is found", func() bool {
			return w.doctor(nil)["conversations"].Found == "0 running, and 1 paused by somebody: texts wait there"
		})
	})
	t.Run("Temporal is down", func(t *testing.T) {
		w := w.in(t)
		w.Started[0].Kill()
		w.Eventually("it is noticed", func() bool {
			found := w.doctor(nil, "--probe", w.Hook)
			return found["Temporal"].Status == "fail" && found["webhook ready"].Status == "fail" && found["probe"].Status == "ok" && found["Sinch's app"].Status == "ok"
		})
	})
}
