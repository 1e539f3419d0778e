package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"parley/conversation"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/secrets"
	"parley/sms"
)

const contact sms.Number = "+15559876543"

func key(letter string) secrets.Fixed {
	return secrets.Fixed(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32))))
}

// away is a key that cannot be read.
type away struct{}

func (away) Get(context.Context) (string, error)   { return "", errors.New("AWS is away") }
func (away) Renew(context.Context) (string, error) { return "", errors.New("AWS is away") }

func newKey(t *testing.T, id string) string {
	t.Helper()
	entry, err := encryption.NewKey(id)
	require.NoError(t, err)
	return entry
}

// withKeys is a program of the namespace that encrypts, if there are keys.
func withKeys(t *testing.T, server *testsuite.DevServer, idKey secrets.Value, encryptionKeys string) identity.Namespace {
	t.Helper()
	var value secrets.Value
	if encryptionKeys != "" {
		value = secrets.Fixed(encryptionKeys)
	}
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), value)
	require.NoError(t, err)
	options := client.Options{HostPort: server.FrontendHostPort(), Namespace: client.DefaultNamespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	encryption.Apply(&options, keys)
	c, err := client.Dial(options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return identity.Namespace{Temporal: c, Options: options, TaskQueue: "parley", Key: idKey}
}

// TestNamespace takes up a key on a real server: never two, and never beside ids
// that hold numbers.
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
	with := func(key secrets.Value) identity.Namespace {
		return identity.Namespace{Temporal: server.Client(), Options: client.Options{Namespace: client.DefaultNamespace}, TaskQueue: "parley", Key: key}
	}

	ids, err := with(nil).IDs(t.Context())
	require.NoError(t, err)
	require.False(t, ids.Keyed())
	require.NoError(t, with(nil).Check(t.Context(), ids))
	_, err = with(key("a")).IDs(t.Context())
	require.ErrorIs(t, err, identity.ErrNew, "a person at a terminal takes up no key by a slip of the finger")
	_, err = with(secrets.Fixed("short")).TakeUp(t.Context())
	require.ErrorContains(t, err, "openssl rand -base64 32")
	_, err = with(away{}).TakeUp(t.Context())
	require.ErrorContains(t, err, "AWS is away")

	plain := conversation.Client{Temporal: server.Client(), TaskQueue: "parley"}
	event, err := conversation.InboundEvent(sms.Inbound{ID: "m1", From: contact}, time.Now())
	require.NoError(t, err)
	require.NoError(t, plain.Tell(t.Context(), contact, "", event))
	require.Eventually(t, func() bool {
		_, err := with(key("a")).TakeUp(t.Context())
		return errors.Is(err, identity.ErrMixed)
	}, time.Minute, 50*time.Millisecond, "a conversation is listed a moment after it began")
	require.NoError(t, server.Client().TerminateWorkflow(t.Context(), conversation.ID(contact, ""), "", "test"))

	watch := identity.NewWatch(with(key("a")))
	require.Equal(t, "•••", watch.Tag(contact), "not a part of the number before the key is known")
	require.Eventually(t, func() bool { return watch.Known(t.Context()) == nil }, time.Minute, 50*time.Millisecond)
	ids, err = watch.IDs(t.Context())
	require.NoError(t, err)
	require.NoError(t, with(key("a")).Check(t.Context(), ids))
	require.ErrorIs(t, with(nil).Check(t.Context(), conversation.IDs{}), identity.ErrNoKey, "one that runs without it")
	require.ErrorIs(t, with(nil).Check(t.Context(), conversation.KeyedIDs([]byte(strings.Repeat("b", 32)))), identity.ErrOtherKey)
	require.Equal(t, ids.Tag(contact), watch.Tag(contact))
	require.NotContains(t, watch.Tag(contact), "543")

	_, err = with(key("b")).TakeUp(t.Context())
	require.ErrorIs(t, err, identity.ErrOtherKey)
	_, err = with(nil).IDs(t.Context())
	require.ErrorIs(t, err, identity.ErrNoKey)
	again, err := with(key("a")).TakeUp(t.Context())
	require.NoError(t, err)
	require.Equal(t, ids, again)
	require.ErrorIs(t, with(key("b")).Record(t.Context(), conversation.KeyedIDs([]byte(strings.Repeat("b", 32)))), identity.ErrOtherKey, "who is slower loses")

	_, err = withKeys(t, server, key("a"), "").IDs(t.Context())
	require.NoError(t, err, "a record that was made without encryption")
	require.NoError(t, server.Client().TerminateWorkflow(t.Context(), conversation.KeyRecordID, "", "test"))
	_, err = withKeys(t, server, key("a"), newKey(t, "first")).TakeUp(t.Context())
	require.NoError(t, err)
	for _, keys := range []string{newKey(t, "second"), encryption.None, ""} {
		_, err = withKeys(t, server, key("a"), keys).IDs(t.Context())
		require.NoError(t, err, "the record outlives the key that payloads are encrypted with")
	}

	server.Client().Close()
	_, err = watch.IDs(t.Context())
	require.NoError(t, err, "what is known serves while nobody can be asked")
}
