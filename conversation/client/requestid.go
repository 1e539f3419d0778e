package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

type requestIDKey struct{}

func withRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDs makes the server drop a repeated event before it costs a line of
// history: the SDK gives each signal a random request id, this gives it the
// event's. The server remembers them per run, so a conversation also keeps the
// ids itself; without this option everything still holds.
func RequestIDs() grpc.DialOption {
	return grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if id, ok := ctx.Value(requestIDKey{}).(string); ok {
			if len(id) > 200 { // the server's databases keep 255
				sum := sha256.Sum256([]byte(id))
				id = hex.EncodeToString(sum[:])
			}
			switch r := req.(type) {
			case *workflowservice.SignalWithStartWorkflowExecutionRequest:
				r.RequestId = id
			case *workflowservice.SignalWorkflowExecutionRequest:
				r.RequestId = id
			case *workflowservice.StartWorkflowExecutionRequest:
				r.RequestId = id
			}
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	})
}
