package doctor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// TestScripts: what is in trouble is named, without a word or a number of a contact.
func TestScripts(t *testing.T) {
	t.Parallel()
	failed := wire.ScriptInTrouble{WorkflowID: "visit-1", Reason: "Visit failed (error): cannot read what Ana wrote"}
	const advice = "parley list --attention tells why; temporal workflow describe shows one; parley skip takes a concern back"
	slow := context.DeadlineExceeded
	many := "6 scripts in trouble: Visit failed (error), of +1•••543; Visit stands still (NonDeterministicError), of +1•••543; " +
		"Visit stands still (NonDeterministicError), of +1•••543; Visit stands still (NonDeterministicError), of +1•••543; " +
		"Visit stands still (NonDeterministicError), of +1•••543; and 1 more"
	tests := []struct {
		name   string
		marked []wire.ScriptInTrouble
		stuck  int
		err    error
		want   Finding
	}{
		{"none", nil, 0, nil, Finding{Status: OK, Found: "none is in trouble"}},
		{"failed", []wire.ScriptInTrouble{failed}, 0, nil, Finding{Status: Warn, Found: "1 script in trouble: Visit failed (error), of +1•••543", Advice: advice}},
		{"the same stands still", []wire.ScriptInTrouble{failed}, 1, nil, Finding{Status: Warn, Found: "1 script in trouble: Visit failed (error), of +1•••543", Advice: advice}},
		{"many", []wire.ScriptInTrouble{failed}, 6, nil, Finding{Status: Warn, Found: many, Advice: advice}},
		{"an old server", nil, 0, conversations.ErrUnreported, Finding{Status: OK, Found: "none is in trouble, as far as is known: this server does not say whose tasks fail"}},
		{"an old server, failed", []wire.ScriptInTrouble{failed}, 0, conversations.ErrUnreported, Finding{Status: Warn, Found: "1 script in trouble: Visit failed (error), of +1•••543", Advice: advice}},
		{"slow", []wire.ScriptInTrouble{failed}, 0, slow, Finding{Status: Warn, Found: "not counted to the end in 10s; so far: Visit failed (error), of +1•••543; …", Advice: "a longer --timeout"}},
		{"broken", nil, 0, errors.New("broken"), Finding{Status: Fail, Found: "listing scripts in trouble: broken", Advice: "look at the server's visibility store"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var scripts troubled
			scripts.told(conversations.Affected{Row: conversations.Row{Number: "+15559876543"}, Scripts: tt.marked})
			for i := range tt.stuck {
				scripts.stands(&workflowpb.WorkflowExecutionInfo{
					Execution: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprint("visit-", i+1)}, Type: &commonpb.WorkflowType{Name: "Visit"},
				}, "NonDeterministicError", func() string { return "+1•••543" })
			}
			e := &examination{Doctor: Doctor{Timeout: 10 * time.Second}, server: &Server{}}
			tt.want.Check = "scripts"
			require.Equal(t, tt.want, e.scripts(scripts, tt.err))
		})
	}
}
