package erasing

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
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
	e := Eraser{Desk: conversations.Desk{Client: conversations.Client{Temporal: temporal, IDs: wire.KeyedIDs([]byte("a key"))}, Patience: time.Second}, Contact: contact}
	_, err = e.Rehearse(t.Context())
	require.Error(t, err)
	require.NotContains(t, err.Error(), string(contact[1:]))
}

func TestErasingNeedsAKey(t *testing.T) {
	t.Parallel()
	_, err := Eraser{}.Rehearse(t.Context())
	require.ErrorIs(t, err, ErrNoKey)
	_, err = Eraser{}.Erase(t.Context())
	require.ErrorIs(t, err, ErrNoKey)
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
		Dialogue:  wire.Dialogue{Questions: []wire.PendingQuestion{{Script: ref("asks")}}, Outcomes: []wire.Ended{{Script: ref("asked")}}, Watches: []wire.Watch{{Script: ref("watches")}}, Floor: wire.Floor{Holder: wire.Scripted(ref("holds"))}, Says: []wire.Say{{ID: "s"}}},
		Responses: wire.Responses{Turn: &wire.Turn{Start: &wire.Starting{Script: "Feedback", Input: input}}},
		Cares:     wire.Cares{Parked: []wire.Parked{{Turn: &wire.Turn{Start: &wire.Starting{Script: "Feedback", Input: input}}}}},
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
