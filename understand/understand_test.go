package understand_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
	"parley/understand"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want sms.Meaning
	}{
		{"STOP", sms.MeansStop},
		{"stop", sms.MeansStop},
		{" Stop. ", sms.MeansStop},
		{"«STOP!»", sms.MeansStop},
		{"STOP 🛑", sms.MeansStop},
		{"stopall", sms.MeansStop},
		{"Unsubscribe", sms.MeansStop},
		{"cancel", sms.MeansStop},
		{"END", sms.MeansStop},
		{"quit", sms.MeansStop},
		{"revoke", sms.MeansStop},
		{"optout", sms.MeansStop},
		{"Opt out", sms.MeansStop},
		{"OPT-OUT", sms.MeansStop},
		{"START", sms.MeansStart},
		{"unstop", sms.MeansStart},
		{"HELP", sms.MeansHelp},
		{"info?", sms.MeansHelp},

		{"", sms.MeansNone},
		{"…", sms.MeansNone},
		{"yes", sms.MeansNone},
		{"Stop by at five", sms.MeansNone},
		{"I cannot stop", sms.MeansNone},
		{"st op", sms.MeansNone},
		{"opt  out", sms.MeansNone},
		{"stop1", sms.MeansNone},
		{"\xff\xfe", sms.MeansNone},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, sms.Verdict{Consent: tt.want, Kind: sms.TextWords, Version: understand.Version}, understand.Classify(tt.text, true))
			require.Equal(t, sms.Verdict{Consent: sms.MeansNone, Kind: sms.TextMedia, Version: understand.Version}, understand.Classify(tt.text, false),
				"a picture named like that is no wish")
			require.Equal(t, tt.want == sms.MeansStop, understand.IsStop(tt.text))
			require.Equal(t, tt.want != sms.MeansNone, understand.IsKeyword(tt.text))
		})
	}
}

// TestNoWorkflowReadsWords: what runs in a conversation's workflow, or travels to
// it, does not know the lists, so these may grow while histories are replayed.
func TestNoWorkflowReadsWords(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "parley/conversation/engine", "parley/conversation/wire").Output()
	require.NoError(t, err)
	needed := strings.Fields(string(out))
	require.Contains(t, needed, "parley/sms")
	require.NotContains(t, needed, "parley/understand")
}
