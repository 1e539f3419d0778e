package conversation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	"parley/conversation/wire"
	"parley/sms"
)

// TestScriptInTrouble: a script that fails has its conversations ask for a person,
// each once. How a question ended, and a cancellation, are no trouble.
func TestScriptInTrouble(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		chats   int
		contact string
		err     error
		told    int
		reason  string
	}{
		{"two contacts", 2, "", errors.New("no such shop"), 2, "failed (error): no such shop"},
		{"before it has a chat", 0, "+15559876543", temporal.NewNonRetryableApplicationError("no such shop", "InvalidInput", nil), 1, "failed (InvalidInput): no such shop (type: InvalidInput, retryable: false)"},
		{"with nobody", 0, "", errors.New("no such shop"), 0, ""},
		{"no reply", 1, "", fmt.Errorf("asking: %w", &conversation.Ending{Kind: conversation.ErrNoReply}), 0, ""},
		{"cancelled", 1, "", temporal.NewCanceledError(), 0, ""},
		{"well", 1, "", nil, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(conversation.Reporting{})
			s.ExecuteWorkflow(func(ctx workflow.Context, _ map[string]string) error {
				for i := range tt.chats {
					conversation.With(ctx, number(i))
					conversation.With(ctx, number(i))
				}
				return tt.err
			}, map[string]string{"contact": tt.contact})
			require.Equal(t, tt.err == nil, s.GetWorkflowError() == nil)
			require.Len(t, s.heard, tt.told)
			for _, e := range s.heard {
				require.Equal(t, wire.KindTrouble, e.Kind)
				require.Equal(t, "trouble:default-test-run-id:failed", e.ID)
				var trouble wire.Trouble
				require.NoError(t, json.Unmarshal(e.Body, &trouble))
				require.Equal(t, tt.reason, trouble.Reason)
				require.Equal(t, "default-test-workflow-id", trouble.Script.WorkflowID)
				require.True(t, trouble.Over)
			}
		})
	}
}

// number is one of those reserved for fiction.
func number(i int) sms.Number { return sms.Number(fmt.Sprintf("+155598765%02d", i)) }
