package main

import (
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	conversations "parley/conversation/client"
	"parley/internal/doctor"
	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/sms"
)

// TestDoctorLooksAtEncryption, while it is turned on, a key replaced, and all done wrong.
func TestDoctorLooksAtEncryption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := func(id string) string {
		entry, err := encryption.NewKey(id)
		require.NoError(t, err)
		return entry
	}
	first, second, namesake := key("first"), key("second"), key("first")
	const ana sms.Number = "+12025550175"
	plain := w.reach
	writes := func(keys, id string) {
		if w.reach = plain; keys != "" {
			opened, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(keys))
			require.NoError(t, err)
			options := client.Options{
				HostPort: w.env["TEMPORAL_ADDRESS"], Namespace: w.env["TEMPORAL_NAMESPACE"], Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
			}
			encryption.Apply(&options, opened)
			temporal, err := client.Dial(options)
			require.NoError(t, err)
			t.Cleanup(temporal.Close)
			w.reach = conversations.Client{Temporal: temporal, TaskQueue: queue}
		}
		w.texts(ana, id, "Hello?")
	}
	sees := func(keys string, want doctor.Status, found, advice string) {
		t.Helper()
		env := maps.Clone(w.env)
		if keys != "" {
			env["PARLEY_ENCRYPTION_KEYS"] = keys
		}
		f := one(t, examined(t, env, 1), "encryption") // 1: no worker runs
		require.Equal(t, want, f.Status, f)
		require.Contains(t, f.Found, found)
		require.Contains(t, f.Advice, advice)
	}

	sees("", doctor.OK, "off: what is said lies in clear", "")
	sees(first, doctor.OK, `with the key "first"; nothing in these conversations is encrypted yet`, "")

	writes("", "m1")
	require.Eventually(t, func() bool { return one(t, examined(t, w.env, 1), "conversations").Found == "1 running" }, time.Minute, 50*time.Millisecond)
	sees("", doctor.OK, "off: ", "")
	sees("none,"+first, doctor.OK, "off: ", "")
	sees(first, doctor.Warn, "is in clear", "a program lacks PARLEY_ENCRYPTION_KEYS")

	writes(first, "m2")
	sees(first, doctor.OK, `with the key "first"; what these conversations hold can be read here`, "")
	sees("none,"+first, doctor.Warn, `with the key "first"`, "put that key in front")
	sees("", doctor.Fail, `encrypted with the key "first"`, "add it")
	sees(second, doctor.Fail, `encrypted with the key "first"`, "add it")
	sees(namesake, doctor.Fail, `encrypted with the key "first"`, "add it")

	writes(second+","+first, "m3")
	sees(second+","+first, doctor.OK, `with the key "second"`, "")
	sees(first, doctor.Fail, `encrypted with the key "second"`, "add it")
	sees(key("third"), doctor.Fail, `encrypted with the key "first" and the key "second"`, "add it")

	writes("", "m4")
	sees(first+","+second, doctor.Warn, "is in clear", "a program lacks PARLEY_ENCRYPTION_KEYS")
}
