package identity_test

import (
	"bytes"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/secrets"
)

func newKey(t *testing.T, id string) string {
	t.Helper()
	entry, err := encryption.NewKey(id)
	require.NoError(t, err)
	return entry
}

// withKeys is a program of the namespace that encrypts.
func withKeys(t *testing.T, server *testsuite.DevServer, encryptionKeys string) client.Client {
	t.Helper()
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(encryptionKeys))
	require.NoError(t, err)
	options := client.Options{HostPort: server.FrontendHostPort(), Namespace: client.DefaultNamespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	encryption.Apply(&options, keys)
	c, err := client.Dial(options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestNamespace: the first use of a namespace settles how its ids are made; whoever
// makes them otherwise is refused, and told what to do.
func TestNamespace(t *testing.T) {
	t.Parallel()
	const path = "../../.bin/devserver"
	if _, err := os.Stat(path); err != nil || testing.Short() {
		t.Skip("needs a real server: make .bin/devserver")
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "error",
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	require.NoError(t, err)
	t.Cleanup(func() { server.Client().Close(); _ = server.Stop() })
	key, other := wire.KeyedIDs(bytes.Repeat([]byte("a"), 32)), wire.KeyedIDs(bytes.Repeat([]byte("b"), 32))
	plain := wire.IDs{}

	for _, test := range []struct {
		name    string
		first   wire.IDs
		refused map[string]wire.IDs
	}{
		{"with a key", key, map[string]wire.IDs{
			"first used with a PARLEY_ID_KEY, and here none is set: set that key":             plain,
			"first used with another PARLEY_ID_KEY than is set here: set that one; to change": other,
		}},
		{"without a key", plain, map[string]wire.IDs{"first used without PARLEY_ID_KEY, and here it is set: leave it out": key}},
	} {
		for _, ids := range []wire.IDs{key, other, plain} {
			used, err := identity.Check(t.Context(), server.Client(), ids)
			require.NoError(t, err, "to look settles nothing")
			require.False(t, used)
		}
		for range 2 {
			require.NoError(t, identity.TakeUp(t.Context(), server.Client(), "parley", test.first), test.name)
		}
		for words, ids := range test.refused {
			err := identity.TakeUp(t.Context(), server.Client(), "parley", ids)
			require.ErrorIs(t, err, identity.ErrMixed)
			require.ErrorContains(t, err, words)
			require.ErrorContains(t, err, "parley optouts export")
			require.NoError(t, conversations.RecordKey(t.Context(), server.Client(), "parley", ids), "as of a program that looked before")
		}
		used, err := identity.Check(t.Context(), server.Client(), test.first)
		require.NoError(t, err, "what is recorded stays")
		require.True(t, used)
		require.NoError(t, server.Client().TerminateWorkflow(t.Context(), wire.KeyRecordID, "", "test"))
	}

	require.NoError(t, identity.TakeUp(t.Context(), withKeys(t, server, newKey(t, "first")), "parley", key))
	for _, keys := range []string{newKey(t, "second"), encryption.None} {
		_, err = identity.Check(t.Context(), withKeys(t, server, keys), key)
		require.NoError(t, err, "the record outlives the key that payloads are encrypted with")
	}
	_, err = identity.Check(t.Context(), server.Client(), key)
	require.NoError(t, err)
}
