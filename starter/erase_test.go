package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"parley/conversation/wire"
	"parley/sinch"
	"parley/sms"
)

// TestEraseFailsWithoutNumbers: what a command prints that erases ends in tickets.
func TestEraseFailsWithoutNumbers(t *testing.T) {
	t.Parallel()

	away := func(_ context.Context, _ string, req, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
		if _, ok := req.(*workflowservice.DescribeWorkflowExecutionRequest); ok {
			return grpcstatus.Error(codes.Unavailable, "away")
		}
		return nil // nothing is listed
	}
	temporal, err := client.NewLazyClient(client.Options{
		Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(away)}},
	})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	const contact sms.Number = "+15559876543"
	e := eraser{server: &server{Client: temporal, timeout: time.Second}, contact: contact}
	_, _, err = e.find(t.Context())
	require.Error(t, err)
	require.NotContains(t, err.Error(), string(contact[1:]))
}

// TestScriptsIn: what talked with a contact is erased, and nothing that is merely
// spoken of.
func TestScriptsIn(t *testing.T) {
	t.Parallel()

	ref := func(id string) wire.ScriptRef {
		return wire.ScriptRef{Type: "Feedback", WorkflowID: id, RunID: "r"}
	}
	input := json.RawMessage(`{"workflow_id":"payroll","script":{"type":"Payroll","workflow_id":"payroll","run_id":"r"}}`)
	state := wire.State{
		Questions: []wire.PendingQuestion{{Script: ref("asks")}},
		Outcomes:  []wire.Ended{{Script: ref("asked")}},
		Watches:   []wire.Watch{{Script: ref("watches")}},
		Floor:     wire.Floor{Holder: ref("holds")},
		Says:      []wire.Say{{ID: "s"}},
		Turn:      &wire.Turn{Start: &wire.Starting{Script: "Feedback", Input: input}},
		Parked:    []wire.Parked{{Turn: &wire.Turn{Start: &wire.Starting{Script: "Feedback", Input: input}}}},
	}
	state.Says[0].Script = ref("says")
	body, err := json.Marshal(map[string]any{"script": ref("told"), "workflow_id": "payroll"})
	require.NoError(t, err)
	raw, err := json.Marshal([]any{wire.Start{State: &state}, wire.Envelope{Body: body}})
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(raw, &value))
	found := map[string]bool{}
	scriptsIn(value, found)
	require.Equal(t, []string{"asked", "asks", "holds", "says", "told", "watches"}, slices.Sorted(maps.Keys(found)))
}

// A certificate is read by somebody who was not there.
func TestCertificate(t *testing.T) {
	t.Parallel()
	c := certificate{
		At: at("08:00:00"), Rehearsal: true, Contact: "437rmmya", Key: "mt75sxmh", Suppression: "suppression:437rmmya",
		Conversations: ended{1, 2}, Scripts: ended{0, 1}, scripts: []execution{{id: "visit:17", workflowType: "Feedback"}},
	}
	printed := func() string {
		var b strings.Builder
		c.text(&b, time.UTC)
		return b.String()
	}
	require.Equal(t, `Would be erased (with --yes), 24 Nov 2026 08:00:00 UTC

  contact        437rmmya: an HMAC of the number, by the key mt75sxmh
  kept           suppression:437rmmya, so that nothing is sent before they text START
  conversations  1 running, 2 histories
  scripts        0 running, 1 history
    Feedback visit:17
  archive, Sinch are not looked at before --yes
  out of reach   phones, backups, logs, your own services; see docs/privacy.md
`, printed())

	require.NotContains(t, printed(), "is the number right")
	unknown := certificate{Rehearsal: true}
	var b strings.Builder
	unknown.text(&b, time.UTC)
	require.Contains(t, b.String(), "Temporal has nothing of them: is the number right, with its country code?", "a certificate does not show a slip of the finger")

	c.Rehearsal, c.scripts, c.Left = false, nil, []string{"a contact that another app has conversations with"}
	require.Contains(t, printed(), `
  conversations  1 running, 2 histories deleted
  scripts        0 running, 1 history deleted
  archive        was not asked: neither PARLEY_ARCHIVE_DIR nor PARLEY_ARCHIVE_URL was set
  Sinch          was not asked
  out of reach   phones, backups, logs, your own services; see docs/privacy.md
  left           a contact that another app has conversations with
`)
	records := 1
	c.Archive, c.Sinch = &records, &sinch.Erased{}
	c.Sinch.Messages.Found, c.Sinch.Messages.Deleted = 16, 15
	require.Contains(t, printed(), `
  archive        1 record deleted
  Sinch          deleted 15 of 16 messages, 0 of 0 conversations, 0 of 0 contacts
`)
}
