package parameters_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"

	"parley/internal/secrets/parameters"
	"parley/internal/secrets/parameterstest"
)

// open opens a store as a program does, which AWS's variables lead to kept.
func open(t *testing.T, kept *parameterstest.Store) (*parameters.Store, *bytes.Buffer) {
	t.Helper()
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	var log bytes.Buffer
	s, err := parameters.Open(slog.New(slog.NewTextHandler(&log, nil)), noop.Meter{})
	require.NoError(t, err)
	return s, &log
}

func TestParameter(t *testing.T) {
	kept := parameterstest.Start(t, map[string]string{"/sinch/access-key": " k3y\n"})
	s, log := open(t, kept)
	value := s.Parameter("/sinch/access-key")
	for range 3 {
		got, err := value.Get(t.Context())
		require.NoError(t, err)
		require.Equal(t, "k3y", got)
	}
	again, err := s.Parameter("/sinch/access-key").Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "k3y", again)
	require.Equal(t, 1, kept.Asked("/sinch/access-key"), "one value, whoever asks")

	kept.Put("/sinch/access-key", "new-k3y")
	got, err := value.Renew(t.Context())
	require.NoError(t, err)
	require.Equal(t, "new-k3y", got)
	require.NotContains(t, log.String(), "k3y")
}

func TestMisbehaviour(t *testing.T) {
	tests := []struct {
		name    string
		fault   http.HandlerFunc
		want    string
		refused bool
	}{
		{"not there", nil, "create it as a SecureString, or set AWS_REGION", true},
		{"denied", parameterstest.Refuse(http.StatusBadRequest, "AccessDeniedException"), "allow ssm:GetParameter on it", true},
		{"no name", parameterstest.Refuse(http.StatusBadRequest, "ValidationException"), "that is no name of a parameter", true},
		{"throttled", parameterstest.Refuse(http.StatusBadRequest, "ThrottlingException"), "AWS answered ThrottlingException", false},
		{"expired", parameterstest.Refuse(http.StatusBadRequest, "ExpiredTokenException"), "AWS answered ExpiredTokenException", false},
		{"failing", parameterstest.Refuse(http.StatusInternalServerError, "InternalServerError"), "AWS answered InternalServerError", false},
		{"hanging", parameterstest.Hang, "AWS did not answer in time", false},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "AWS cannot be reached", false},
		{"not AWS", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "reading parameter /a/name", false},
		{"empty", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"Parameter":{"Value":" "}}`)) }, "it is empty", true},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }, "it is empty", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kept := parameterstest.Start(t, map[string]string{})
			kept.Fail(tt.fault)
			s, _ := open(t, kept)
			_, err := s.Parameter("/a/name").Get(t.Context())
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "reading parameter /a/name")
			if tt.refused {
				require.ErrorIs(t, err, parameters.ErrRefused)
			} else {
				require.NotErrorIs(t, err, parameters.ErrRefused)
			}
			require.NotContains(t, err.Error(), "123456789012")
		})
	}
}

func TestNoRegion(t *testing.T) {
	kept := parameterstest.Start(t, nil)
	s, _ := open(t, kept)
	t.Setenv("AWS_REGION", "")
	_, err := s.Parameter("/a/name").Get(t.Context())
	require.ErrorIs(t, err, parameters.ErrRefused)
	require.ErrorContains(t, err, "set AWS_REGION")
}
