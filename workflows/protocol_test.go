package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
	"parley/workflows"
)

// What a conversation of the first version reads of what scripts tell it. These
// are never changed.
type (
	scriptV1 struct {
		Type       string `json:"type"`
		WorkflowID string `json:"workflow_id"`
		RunID      string `json:"run_id"`
		FirstRunID string `json:"first_run_id"`
	}
	askedV1 struct {
		Script      scriptV1      `json:"script"`
		Text        string        `json:"text"`
		Timeout     time.Duration `json:"timeout"`
		UsefulUntil time.Time     `json:"useful_until"`
		Reference   string        `json:"reference"`
		InDoubt     string        `json:"in_doubt"`
		Epoch       int           `json:"epoch"`
		Knows       int           `json:"knows"`
	}
	saidV1 struct {
		Script      scriptV1  `json:"script"`
		Text        string    `json:"text"`
		UsefulUntil time.Time `json:"useful_until"`
		Reference   string    `json:"reference"`
		InDoubt     string    `json:"in_doubt"`
		Epoch       int       `json:"epoch"`
	}
	withdrawnV1 struct {
		Script scriptV1 `json:"script"`
		AskID  string   `json:"ask_id"`
	}
)

// oldConversation takes what scripts tell as the first version did, and answers
// each question with the next outcome that one recorded.
type oldConversation struct {
	*testing.T
	env      *testsuite.TestWorkflowEnvironment
	outcomes []json.RawMessage
	asks     int
	told     map[wire.Kind]int
}

func (o *oldConversation) Tell(_ context.Context, contact sms.Number, _ sms.Sender, e wire.Envelope) error {
	require.NotEmpty(o, contact)
	require.Equal(o, 1, e.Schema, "it refuses a newer %s", e.Kind)
	require.NotEmpty(o, e.ID)
	require.False(o, e.At.IsZero())
	o.told[e.Kind]++
	var script scriptV1
	switch e.Kind {
	case wire.KindAsk:
		var a askedV1
		o.read(e.Body, &a)
		script = a.Script
		require.NotEmpty(o, a.Text)
		require.Contains(o, []string{"", "resend", "park"}, a.InDoubt)
		if o.asks++; len(o.outcomes) >= o.asks {
			answer := o.outcomes[o.asks-1]
			o.env.SignalWorkflow("answer/"+e.ID, answer)
		}
	case wire.KindSay:
		var s saidV1
		o.read(e.Body, &s)
		script = s.Script
		require.NotEmpty(o, s.Text)
	case wire.KindWithdraw:
		var w withdrawnV1
		o.read(e.Body, &w)
		script = w.Script
		require.NotEmpty(o, w.AskID)
	default:
		require.Failf(o, "an old conversation knows no such event", "%s", e.Kind)
	}
	require.NotEmpty(o, script.Type)
	require.NotEmpty(o, script.WorkflowID)
	require.NotEmpty(o, script.RunID)
	return nil
}

// read demands that nothing is told which it would not see: that would need to
// be known to be left out.
func (o *oldConversation) read(body json.RawMessage, into any) {
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	require.NoError(o, strict.Decode(into), "%s", body)
}

// TestOldConversationsAndNewScripts plays this build's scripts with the inputs of
// those that were recorded, and with what the conversations of their time
// answered. They must end as those did, and tell nothing that those conversations
// could not read.
func TestOldConversationsAndNewScripts(t *testing.T) {
	t.Parallel()
	histories, err := filepath.Glob("testdata/histories/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, histories)
	for _, path := range histories {
		t.Run(filepath.Base(filepath.Dir(path))+"/"+strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()
			file, err := os.Open(path)
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
			require.NoError(t, err)

			suite := testsuite.WorkflowTestSuite{}
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetTestTimeout(time.Minute)
			env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // the machine may be busy
			for _, s := range workflows.Scripts {
				env.RegisterWorkflowWithOptions(s.Run, workflow.RegisterOptions{Name: s.Name})
			}
			env.RegisterActivity(activities.Services{}.TellService)
			old := &oldConversation{T: t, env: env, told: map[wire.Kind]int{}}
			conversations.Telling{Teller: old}.Register(env)

			var input, result json.RawMessage
			var cancelled bool
			began := history.GetEvents()[0]
			require.NoError(t, client.NewValue(began.GetWorkflowExecutionStartedEventAttributes().GetInput()).Get(&input))
			env.SetStartTime(began.GetEventTime().AsTime())
			for _, e := range history.GetEvents() {
				if a := e.GetWorkflowExecutionSignaledEventAttributes(); a != nil {
					var o json.RawMessage
					require.NoError(t, client.NewValue(a.GetInput()).Get(&o))
					old.outcomes = append(old.outcomes, o)
				}
				if e.GetWorkflowExecutionCancelRequestedEventAttributes() != nil {
					cancelled = true
					env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
				}
			}
			env.ExecuteWorkflow(began.GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName(), input)
			require.True(t, env.IsWorkflowCompleted())
			require.NotZero(t, old.asks)
			if cancelled {
				require.Error(t, env.GetWorkflowError())
				require.Equal(t, 1, old.told[wire.KindWithdraw])
				return
			}
			require.NoError(t, env.GetWorkflowError())
			require.NoError(t, env.GetWorkflowResult(&result))
			require.JSONEq(t, recorded(t, history), string(result))
		})
	}
}

// recorded is the result that a script had.
func recorded(t *testing.T, history *historypb.History) string {
	t.Helper()
	last := history.GetEvents()[len(history.GetEvents())-1].GetWorkflowExecutionCompletedEventAttributes()
	require.NotNil(t, last)
	var result json.RawMessage
	require.NoError(t, client.NewValue(last.GetResult()).Get(&result))
	return string(result)
}

// TestAnswersOfANewerConversation: what a script cannot read it must not lose. Its
// task fails, which a server tries again until a newer build takes it.
func TestAnswersOfANewerConversation(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"another ending": `{"schema":1,"kind":"handed over"}`,
		"another form":   `{"schema":2,"kind":"answered","texts":["5"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := testsuite.WorkflowTestSuite{}
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetTestTimeout(time.Minute)
			env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // the machine may be busy
			old := &oldConversation{T: t, env: env, told: map[wire.Kind]int{}, outcomes: []json.RawMessage{json.RawMessage(answer)}}
			conversations.Telling{Teller: old}.Register(env)
			env.ExecuteWorkflow(workflows.Feedback, workflows.Visit{Contact: "+15559876543", Business: "the shop"})
			require.ErrorContains(t, env.GetWorkflowError(), "deploy the newer worker")
			var panicked *temporal.PanicError // fails the task, not the script
			require.ErrorAs(t, env.GetWorkflowError(), &panicked)
		})
	}
}
