package main

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/identity"
	"parley/internal/secrets"
	"parley/internal/settings"
)

// TestDoorAwaits: a server that does not answer is waited for; a key that does not
// fit is no better tomorrow.
func TestDoorAwaits(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 32)
	for name, test := range map[string]struct {
		recorded wire.IDs
		set      string
		want     error
	}{
		"the same key":  {wire.KeyedIDs([]byte(key)), base64.StdEncoding.EncodeToString([]byte(key)), nil},
		"another key":   {wire.KeyedIDs([]byte("another")), base64.StdEncoding.EncodeToString([]byte(key)), identity.ErrMixed},
		"first without": {wire.IDs{}, base64.StdEncoding.EncodeToString([]byte(key)), identity.ErrMixed},
		"not a key":     {wire.IDs{}, "short", settings.ErrIDKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			answer := func(_ context.Context, _ string, _, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				if described, ok := reply.(*workflowservice.DescribeWorkflowExecutionResponse); ok {
					if asked++; asked == 1 {
						return grpcstatus.Error(codes.PermissionDenied, "not yet")
					}
					described.WorkflowExecutionInfo = &workflowpb.WorkflowExecutionInfo{
						Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{"fingerprint-" + test.recorded.Fingerprint(): {}}},
					}
				}
				return nil
			}
			log := slog.New(slog.DiscardHandler)
			temporal, err := client.NewLazyClient(client.Options{
				Logger: sdklog.NewStructuredLogger(log), ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(answer)}},
			})
			require.NoError(t, err)
			t.Cleanup(temporal.Close)
			d := &door{client: conversations.Client{Temporal: temporal}, key: secrets.Fixed(test.set)}
			require.Equal(t, "•••", d.Tag("+15559876543"), "not a part of the number before the key is known")
			require.ErrorIs(t, d.await(t.Context(), log), test.want)
			if test.want == nil {
				require.Equal(t, 2, asked)
				require.Equal(t, test.recorded.Tag("+15559876543"), d.Tag("+15559876543"))
			}
		})
	}
}
