package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/internal/settings"
)

func TestCodecNamespaces(t *testing.T) {
	t.Parallel()
	env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull}
	names, err := (&codecServerCmd{}).namespaces(env)
	require.NoError(t, err)
	require.Equal(t, []string{"default"}, names)
	env["TEMPORAL_NAMESPACE"] = "sms.acct"
	names, err = (&codecServerCmd{}).namespaces(env)
	require.NoError(t, err)
	require.Equal(t, []string{"sms.acct"}, names)
	names, err = (&codecServerCmd{Namespaces: []string{" one", "", "two"}}).namespaces(env)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two"}, names)
}

func TestEncryptionKeyCommand(t *testing.T) {
	t.Parallel()
	var out, complaints strings.Builder
	require.Zero(t, run(t.Context(), []string{"encryption-key"}, settings.Env{}, nil, &out, &complaints), complaints.String())
	require.Regexp(t, `^20\d\d-\d\d-\d\d:[0-9A-Za-z+/]{43}=\n$`, out.String())
	_, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(strings.TrimSpace(out.String())))
	require.NoError(t, err)
	require.Equal(t, 2, run(t.Context(), []string{"encryption-key", "--id", "None of these"}, settings.Env{}, nil, &out, &complaints))
	require.Equal(t, 1, run(t.Context(), []string{"codec-server"}, settings.Env{"PARLEY_CODEC_TOKEN": "a-token-of-ana-0001"}, nil, &out, &complaints)) //nolint:gosec // of nobody
	require.Contains(t, complaints.String(), "set PARLEY_ENCRYPTION_KEYS")
}
