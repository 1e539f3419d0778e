package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/telemetry"
)

func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		registered bool
		command    string
		err        error
		wantErr    bool
		said       string
	}{
		{"registered", true, "", nil, false, ""},
		{"may not", false, "temporal operator …", nil, false, `command="temporal operator …"`},
		{"no room", false, "temporal operator …", errors.New("no room"), false, `error="no room"`},
		{"unknown", false, "", errors.New("no answer"), true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			registered, err := searchAttributes(t.Context(), telemetry.Logger(&log, telemetry.Text, slog.LevelInfo),
				func(context.Context) (bool, string, error) { return tt.registered, tt.command, tt.err })
			require.Equal(t, tt.registered, registered)
			require.Equal(t, tt.wantErr, err != nil)
			require.Contains(t, log.String(), tt.said)
			require.Equal(t, tt.said == "", log.Len() == 0)
		})
	}
}

func TestKeepSearchAttributes(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		keepSearchAttributes(ctx, time.Millisecond, func(context.Context) (bool, string, error) {
			select {
			case asked <- struct{}{}:
			case <-ctx.Done():
			}
			return false, "", errors.New("the server is away")
		})
	}()
	<-asked
	<-asked // an error does not end it
	stop()
	<-ended
}
