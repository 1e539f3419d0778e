package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	s := &server{options: client.Options{HostPort: "sms.example:7233"}, timeout: 10 * time.Second}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"deadline of ours":   {context.DeadlineExceeded, "looking: Temporal at sms.example:7233 did not answer within 10s; try again, or with a longer --timeout"},
		"deadline of theirs": {serviceerror.NewDeadlineExceeded("x"), "looking: Temporal at sms.example:7233 did not answer within 10s; try again, or with a longer --timeout"},
		"interrupted":        {serviceerror.NewCanceled("context canceled"), "looking: interrupted"},
		"gone":               {serviceerror.NewUnavailable("error reading from server: EOF"), "looking: Temporal at sms.example:7233 cannot be reached any more; try again when it is back"},
		"not allowed":        {serviceerror.NewPermissionDenied("no", ""), "looking: Temporal at sms.example:7233 does not allow it; check TEMPORAL_API_KEY and TEMPORAL_NAMESPACE"},
		"said in words":      {fmt.Errorf("wrapped: %w", serviceerror.NewInvalidArgument("id is too long")), "looking: id is too long"},
		"anything else":      {errors.New("no such thing"), "looking: no such thing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, s.explain("looking", test.err), test.want)
		})
	}
	require.NoError(t, s.explain("looking", nil))
}

func TestEndingOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, ending{Status: "cancelled"}, endingOf(temporal.NewCanceledError()))
	require.Equal(t, ending{Status: "timed out"}, endingOf(temporal.NewTimeoutError(0, nil)))
	require.Equal(t, ending{Status: "failed", Reason: "no such zone"}, endingOf(temporal.NewApplicationError("no such zone", "InvalidInput")))
	require.Equal(t, ending{Status: "failed", Reason: "broken"}, endingOf(errors.New("broken")))
}

// TestKeyOfIDsIsSettledOnce: by the first command that may begin a conversation, and
// not by one that looks.
func TestKeyOfIDsIsSettledOnce(t *testing.T) {
	t.Parallel()
	const key, other = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleS0=", "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="
	const list = "number,date,source\n+12025550181,2026-03-02T09:00:00Z,a call\n"
	refused := func(w *world, words string) {
		t.Helper()
		for _, command := range [][]string{{"list"}, {"show", "+12025550181"}, {"send", "+12025550181", "Hello"}} {
			complaint := w.fails(1, command...)
			require.Contains(t, complaint, words)
			require.Contains(t, complaint, "parley optouts import")
			require.NotContains(t, complaint, "a2V5")
			require.NotContains(t, complaint, "b3Ro", "the key is a secret all the same")
		}
	}
	w := newWorld(t)
	w.does("list")
	w.env["PARLEY_ID_KEY"] = key
	w.does("list")
	w.reads(list, "optouts", "import")
	w.does("list")
	w.env["PARLEY_ID_KEY"] = other
	refused(w, "first used with another PARLEY_ID_KEY")
	delete(w.env, "PARLEY_ID_KEY")
	refused(w, "first used with a PARLEY_ID_KEY, and here none is set")

	w = newWorld(t)
	w.reads(list, "optouts", "import")
	w.env["PARLEY_ID_KEY"] = key
	refused(w, "first used without PARLEY_ID_KEY")
}
