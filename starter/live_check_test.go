package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/livecheck"
	"parley/internal/settings"
	"parley/sinch/sinchtest"
)

// freeAddress is one on this machine where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// liveCheck are the arguments of a check that needs no person.
func liveCheck(address string, more ...string) []string {
	return append([]string{"live-check", "--to", "+15559876501", "--url", "http://" + address + "/", "--listen", address}, more...)
}

func TestLiveCheck(t *testing.T) {
	t.Parallel()
	sim, env := atSinch(t)
	env["SINCH_SMS_SENDER"] = string(sinchtest.DefaultSender)
	sim.SetReadings(sinchtest.Readings{ListHidesMetadata: true, ChannelCheckedLate: true})
	saved := filepath.Join(t.TempDir(), "live.json")

	stdout, _, code := parley(t, env, liveCheck(freeAddress(t), "--only", "3,9,14,15", "--yes", "--save", saved)...)
	require.Equal(t, 0, code)
	require.Contains(t, stdout, " 3  the list shows our metadata, and the words as sent\n    other reading: list_hides_metadata=true · metadata hidden, words as sent\n")
	require.Contains(t, stdout, " 9  numbers come without the plus sign\n    as we believe · 0 of 3 receipts have it\n")
	require.Contains(t, stdout, `simulator --readings '{"channel_checked_late":true,"list_hides_metadata":true}'`)
	require.NotContains(t, stdout, "5559876501")
	require.Empty(t, sim.Webhooks())

	document, err := os.ReadFile(saved)
	require.NoError(t, err)
	report := unmarshal[livecheck.Report](t, string(document))
	require.Len(t, report.Results, 4)
	require.NotEmpty(t, report.Callbacks)
	require.NotContains(t, string(document), "5559876501")

	_, stderr, code := parley(t, env, liveCheck(freeAddress(t), "--only", "14", "--yes", "--save", saved)...)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "is there already")
}

func TestLiveCheckJSON(t *testing.T) {
	t.Parallel()
	_, env := atSinch(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), liveCheck(freeAddress(t), "--only", "9", "--yes", "--json"), env, strings.NewReader(""), &stdout, &stderr)
	require.Equal(t, 0, code, stderr.String())
	require.Contains(t, stderr.String(), "Nothing to do: the receipts of the text are on their way")
	var document map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &document))
	for _, name := range []string{"at", "region", "mode", "results", "readings", "callbacks", "answers"} {
		require.Contains(t, document, name)
	}
}

func TestLiveCheckRefuses(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	tests := []struct {
		name string
		args []string
		env  settings.Env
		code int
		says string
	}{
		{"no terminal", liveCheck(address), nil, 2, "add --yes"},
		{"no number", []string{"live-check", "--to", "12", "--url", "http://" + address}, nil, 2, "not a phone number"},
		{"a number of ours", liveCheck(address, "--yes"), settings.Env{"SINCH_SMS_SENDER": "+15559876501"}, 1, "one of SINCH_SMS_SENDER"},
		{"no assumption", liveCheck(address, "--yes", "--only", "26"), nil, 1, "there is no assumption 26"},
		{"plain http", []string{"live-check", "--to", "+15559876501", "--url", "http://sms.example.com"}, nil, 2, "--url must begin with https://"},
		{"wrong key", liveCheck(address, "--yes"), settings.Env{"SINCH_ACCESS_KEY_SECRET": "wrong"}, 1, "Sinch does not accept the access key"},
		{"no key", liveCheck(address, "--yes"), settings.Env{"SINCH_ACCESS_KEY": ""}, 1, "set SINCH_ACCESS_KEY"},
		{"elsewhere", []string{"live-check", "--to", "+15559876501", "--url", "http://" + freeAddress(t), "--listen", "127.0.0.1:0", "--yes"}, nil, 1, "the URL cannot be reached"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sim, env := atSinchWithKey(t)
			maps.Copy(env, tt.env)
			stdout, stderr, code := parley(t, env, tt.args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.says)
			require.NotContains(t, stdout+stderr, "5559876501")
			require.Empty(t, sim.Webhooks())
			require.Empty(t, sim.Sent())
		})
	}
}

// atSinchWithKey is a Sinch that takes one key only.
func atSinchWithKey(t *testing.T) (*sinchtest.Server, settings.Env) {
	t.Helper()
	sim := sinchtest.New(sinchtest.Options{AccessKey: "key", AccessSecret: "key-secret"})
	return sim, settingsOf(t, sim)
}

// TestTerminal: what is typed skips, and answers.
func TestTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	person := &terminal{out: &out, lines: linesOf(strings.NewReader("\nyes\nN\nperhaps\n"))}
	<-person.Do(t.Context(), "Text back: hello", livecheck.Usual.Person)
	require.Equal(t, livecheck.Yes, person.Ask(t.Context(), "Go on?"))
	require.Equal(t, livecheck.No, person.Ask(t.Context(), "Did it come?"))
	require.Equal(t, livecheck.Unknown, person.Ask(t.Context(), "Did it come?"))
	require.Equal(t, livecheck.Unknown, person.Ask(t.Context(), "Is anybody there?"))
	require.Contains(t, out.String(), "\nText back: hello.\n(at most 3m0s; Enter skips it)\n")
}
