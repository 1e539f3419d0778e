package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/identity"
)

// TestWatchKey: a worker whose ids are no longer the namespace's ends; one that
// cannot ask goes on.
func TestWatchKey(t *testing.T) {
	t.Parallel()
	answers := []error{nil, errors.New("the server is away"), nil, identity.ErrNoKey}
	broken := make(chan error, 1)
	asked := 0
	watchKey(t.Context(), time.Millisecond, func(context.Context) error {
		asked++
		return answers[asked-1]
	}, broken)
	require.Equal(t, len(answers), asked)
	require.ErrorIs(t, <-broken, identity.ErrNoKey)
}
