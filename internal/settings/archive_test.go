package settings_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/settings"
)

type services struct {
	settings.Hooks
	settings.Archive
}

func parseServices(t *testing.T, env settings.Env) services {
	t.Helper()
	var s services
	command, err := settings.Parse(&s, nil, env, io.Discard, io.Discard)
	require.NoError(t, err)
	require.NotNil(t, command)
	return s
}

func TestNotifyAndFallback(t *testing.T) {
	t.Parallel()
	none := parseServices(t, settings.Env{"PARLEY_HOOK_SECRET": "hook", "PARLEY_NOTIFY_URL": " "})
	s := parseServices(t, settings.Env{"PARLEY_NOTIFY_URL": "https://desk.example/n", "PARLEY_FALLBACK_URL": "http://mail.example/f", "PARLEY_HOOK_SECRET": "hook"})
	wrong := parseServices(t, settings.Env{"PARLEY_NOTIFY_URL": "desk.example/t0ken", "PARLEY_FALLBACK_URL": "https:///t0ken"})

	services, err := none.Services()
	require.NoError(t, err)
	require.Empty(t, services)

	services, err = s.Services()
	require.NoError(t, err)
	require.Equal(t, activities.Services{
		wire.HookNotify:   activities.Posted{Hook: activities.Hook{URL: "https://desk.example/n", Secret: "hook"}, Setting: "PARLEY_NOTIFY_URL"},
		wire.HookFallback: activities.Posted{Hook: activities.Hook{URL: "http://mail.example/f", Secret: "hook"}, Setting: "PARLEY_FALLBACK_URL"},
	}, services)

	_, err = wrong.Services()
	require.ErrorContains(t, err, "set PARLEY_NOTIFY_URL to a URL")
	require.ErrorContains(t, err, "set PARLEY_FALLBACK_URL to a URL")
	require.NotContains(t, err.Error(), "t0ken")
}

// TestEveryServiceCanBeSet: each hook has an address.
func TestEveryServiceCanBeSet(t *testing.T) {
	t.Parallel()
	var set []string
	for _, a := range (settings.Hooks{}).Addresses() {
		set = append(set, a.Setting)
	}
	for _, hook := range wire.Hooks() {
		require.Contains(t, set, hook.Setting())
	}
}

func TestArchiveIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := parseServices(t, settings.Env{"PARLEY_ARCHIVE_DIR": "", "PARLEY_ARCHIVE_URL": " ", "PARLEY_HOOK_SECRET": "hook"})
	a, err := s.OpenArchive(s.HookSecret)
	require.NoError(t, err)
	archives := activities.Archives{Archive: a} // which knows by nil that it is off
	require.NoError(t, archives.StoreRecords(t.Context(), []activities.Record{{ID: "k-1"}}))
}

func TestArchiveDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet")
	s := parseServices(t, settings.Env{"PARLEY_ARCHIVE_DIR": dir})
	a, err := s.OpenArchive("")
	require.NoError(t, err)
	require.DirExists(t, dir)
	require.NoError(t, a.Store(t.Context(), []activities.Record{{ID: "k-1", Kind: wire.RecordMessage, Conversation: "c", FirstRunID: "k", Key: "k-1"}}))
	_, err = a.Find(t.Context(), "k-1")
	require.NoError(t, err)
	_, err = s.OpenArchive("") // another process
	require.NoError(t, err)
}

func TestArchiveURL(t *testing.T) {
	t.Parallel()
	var signed []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		signed = append(signed, r.Header.Get("Webhook-Signature"))
	}))
	t.Cleanup(server.Close)
	s := parseServices(t, settings.Env{"PARLEY_ARCHIVE_URL": server.URL, "PARLEY_HOOK_SECRET": "hook"})
	for _, secret := range []settings.Secret{s.HookSecret, ""} {
		a, err := s.OpenArchive(secret)
		require.NoError(t, err)
		require.NoError(t, a.Store(t.Context(), []activities.Record{{ID: "k-1"}}))
	}
	require.Len(t, signed, 2)
	require.NotEmpty(t, signed[0])
	require.Empty(t, signed[1])
}

func TestArchiveRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "t0ken")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := []struct {
		name, want string
		env        settings.Env
	}{
		{"both", "set PARLEY_ARCHIVE_DIR or PARLEY_ARCHIVE_URL, not both", settings.Env{"PARLEY_ARCHIVE_DIR": t.TempDir(), "PARLEY_ARCHIVE_URL": "https://x/t0ken"}},
		{"no URL", "set PARLEY_ARCHIVE_URL to a URL", settings.Env{"PARLEY_ARCHIVE_URL": "x/t0ken"}},
		{"a file", "set PARLEY_ARCHIVE_DIR to a folder", settings.Env{"PARLEY_ARCHIVE_DIR": file}},
		{"under a file", "set PARLEY_ARCHIVE_DIR to a folder", settings.Env{"PARLEY_ARCHIVE_DIR": filepath.Join(file, "folder")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := parseServices(t, tt.env).OpenArchive("")
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "t0ken")
			require.Nil(t, a)
		})
	}
}

func TestServicesAreNotPrinted(t *testing.T) {
	t.Parallel()
	env := settings.Env{"PARLEY_NOTIFY_URL": "https://x/t0ken", "PARLEY_FALLBACK_URL": "https://x/t0ken", "PARLEY_ARCHIVE_URL": "https://x/t0ken"}
	s := parseServices(t, env)
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "all", s)
	_, err = settings.Parse(&services{}, []string{"--help"}, env, &out, &out)
	require.NoError(t, err)
	for name := range env {
		require.Contains(t, out.String(), "$"+name)
	}
	for _, said := range []string{string(raw), out.String(), fmt.Sprintf("%v %+v %#v", s, s, s)} {
		require.NotContains(t, said, "t0ken")
	}
}
