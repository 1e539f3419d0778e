package stack

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// NewNamespace makes a namespace on a Temporal server that is there already, and
// returns its name once it can be used.
func NewNamespace(ctx context.Context, address, prefix string) (string, error) {
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return "", fmt.Errorf("making a namespace at %s: %w", address, err)
	}
	defer c.Close()
	name := strings.ToLower(prefix) + "_" + uuid.NewString()[:8] // the server's metrics know only such characters
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour), // the least
	})
	if err != nil {
		return "", fmt.Errorf("making a namespace at %s: %w", address, err)
	}
	for {
		// What can be described need not be usable yet.
		_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: name})
		if err == nil {
			return name, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for namespace %s at %s: %w", name, address, err)
		}
	}
}
