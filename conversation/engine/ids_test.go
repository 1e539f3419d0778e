package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

var keyed = wire.KeyedIDs(bytes.Repeat([]byte{7}, 32))

func TestIDs(t *testing.T) {
	t.Parallel()

	plain := wire.IDs{}
	require.Equal(t, "conversation:+15559876543", plain.Of(contact, ""))
	require.Equal(t, "conversation:+15559876543:+12065550101", plain.Of(contact, "+12065550101"))
	require.Equal(t, "+1•••543", plain.Tag(contact))
	require.Equal(t, "order-7", plain.Key("order-7"))
	require.Equal(t, "none", plain.Fingerprint())

	// These are in the workflow ids of whoever has set a key: they never change.
	require.Equal(t, "conversation:vwy36hbeqv6ejkv6rjnxkw2oou", keyed.Of(contact, ""))
	require.Regexp(t, `^conversation:vwy36hbeqv6ejkv6rjnxkw2oou:[a-z2-7]{26}$`, keyed.Of(contact, "+12065550101"))
	require.Equal(t, "vwy36hbeqv6ejkv6rjnxkw2oou", keyed.Tag(contact))
	require.Equal(t, "suppression:vwy36hbeqv6ejkv6rjnxkw2oou", keyed.SuppressionID(contact))
	require.NotEqual(t, keyed.Of("+12065550101", ""), "conversation:"+keyed.Key("+12065550101"), "what stands for different things differs")
	require.NotContains(t, keyed.Of(contact, sms.Sender(contact)), "vwy36hbeqv6ejkv6rjnxkw2oou:vwy36hbeqv6ejkv6rjnxkw2oou", "a number as contact and as sender")
	other := wire.KeyedIDs(bytes.Repeat([]byte{8}, 32))
	require.NotEqual(t, keyed.Of(contact, ""), other.Of(contact, ""))
	require.NotEqual(t, keyed.Fingerprint(), other.Fingerprint())

	number, sender, err := wire.ParseID(plain.Of(contact, "+12065550101"))
	require.NoError(t, err)
	require.Equal(t, contact, number)
	require.Equal(t, sms.Sender("+12065550101"), sender)
	for _, id := range []string{keyed.Of(contact, ""), "appointment:A-17", "conversation:", "conversation:+1", ""} {
		_, _, err := wire.ParseID(id)
		require.Error(t, err, id)
	}
	require.True(t, wire.IsID(keyed.Of(contact, "")))
	require.False(t, wire.IsID("appointment:A-17"))
}

// TestRequestIDsHoldNothing: a server keeps the ids of requests in clear. The id of
// what a script says ends in a hash of number and words.
func TestRequestIDsHoldNothing(t *testing.T) {
	t.Parallel()

	var seen []string
	capture := func(_ context.Context, _ string, req, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
		if r, ok := req.(*workflowservice.SignalWithStartWorkflowExecutionRequest); ok {
			seen = append(seen, r.GetRequestId())
		}
		return nil
	}
	temporal, err := client.NewLazyClient(client.Options{
		Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{conversations.RequestIDs(), grpc.WithChainUnaryInterceptor(capture)}},
	})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	conversations.Telling{IDs: keyed, Teller: conversations.Client{Temporal: temporal, TaskQueue: "parley", IDs: keyed}}.Register(activitiesOnly{env: env})
	for range 2 {
		_, err = env.ExecuteActivity("TellConversation", map[string]any{"contact": contact, "id": "run/1/0a1b2c3d", "kind": wire.KindAsk, "body": map[string]any{}})
		require.NoError(t, err)
	}
	require.Len(t, seen, 2)
	require.Equal(t, seen[0], seen[1], "a repeat of the activity is none of the words")
	require.Contains(t, seen[0], "run/1/")
	require.NotContains(t, seen[0], "0a1b2c3d")
}

// activitiesOnly registers no workflows.
type activitiesOnly struct {
	worker.Registry
	env *testsuite.TestActivityEnvironment
}

func (activitiesOnly) RegisterWorkflowWithOptions(any, workflow.RegisterOptions) {}

func (a activitiesOnly) RegisterActivityWithOptions(f any, o activity.RegisterOptions) {
	a.env.RegisterActivityWithOptions(f, o)
}
