package conversation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

type visit struct {
	Contact sms.Number `json:"contact,omitempty"`
	Shop    string     `json:"shop,omitempty"`
}

type visited struct {
	Outcome string `json:"outcome"`
	Words   string `json:"words"`
}

// scene is a script's end: what is told, and what the log says.
type scene struct {
	*testsuite.TestWorkflowEnvironment
	told  []wire.ScriptOutcome
	heard []wire.Envelope
	hook  func() error
	lines strings.Builder
}

func (s *scene) Tell(_ context.Context, _ sms.Number, _ sms.Sender, e wire.Envelope) error {
	s.heard = append(s.heard, e)
	return nil
}

func newScene(with conversation.Reporting) *scene {
	s := &scene{hook: func() error { return nil }}
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(&s.lines, nil))))
	s.TestWorkflowEnvironment = suite.NewTestWorkflowEnvironment()
	s.SetTestTimeout(time.Minute)
	s.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor(with)}})
	conversations.Telling{Teller: s}.Register(s)
	s.RegisterActivityWithOptions(func(_ context.Context, e wire.Errand) error {
		var o wire.ScriptOutcome
		if err := json.Unmarshal(e.Body, &o); err != nil || e.Hook != wire.HookOutcome || e.ID != o.ID {
			return errors.New("no outcome")
		}
		s.told = append(s.told, o)
		return s.hook()
	}, activity.RegisterOptions{Name: wire.TellServiceActivity})
	return s
}

// TestOutcomes: a script need do nothing to have its end told.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const ana sms.Number = "+15559876543"
	broken := errors.New("no such shop: the words of the contact")
	tests := []struct {
		name    string
		in      visit
		script  func(ctx workflow.Context, in visit) (any, error)
		outcome string // empty: nothing is told
		result  string
		words   string // of the error
		level   string
	}{
		{"its own word", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return visited{"came", "yes"}, nil }, "came", `{"outcome":"came","words":"yes"}`, "", "INFO"},
		{"no word of its own", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return visited{Words: "yes"}, nil }, "completed", `{"outcome":"","words":"yes"}`, "", "INFO"},
		{"a result that is no object", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return "5", nil }, "completed", `"5"`, "", "INFO"},
		{"another kind of outcome", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return map[string]int{"outcome": 5}, nil }, "completed", `{"outcome":5}`, "", "INFO"},
		{"no result", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return nil, nil }, "completed", "", "", "INFO"},
		{"an error", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return nil, broken }, "failed", "", broken.Error(), "ERROR"},
		{
			"a question's ending for an error",
			visit{Contact: ana},
			func(workflow.Context, visit) (any, error) {
				return nil, fmt.Errorf("asking: %w", &conversation.Ending{Kind: conversation.ErrNoReply})
			},
			"no reply", "", "asking: no reply", "INFO",
		},
		{"cancelled", visit{Contact: ana}, func(workflow.Context, visit) (any, error) { return nil, temporal.NewCanceledError() }, "cancelled", "", "canceled", "INFO"},
		{
			"a chat with somebody else",
			visit{},
			func(ctx workflow.Context, _ visit) (any, error) { conversation.With(ctx, ana); return nil, nil },
			"completed", "", "", "INFO",
		},
		{"no contact, so no script", visit{}, func(workflow.Context, visit) (any, error) { return visited{"came", ""}, nil }, "", "", "", ""},
		{
			"goes on",
			visit{Contact: ana},
			func(ctx workflow.Context, in visit) (any, error) {
				return nil, workflow.NewContinueAsNewError(ctx, "Visit", in)
			},
			"", "", "", "",
		},
	}
	for _, tt := range tests {
		for _, hook := range []bool{true, false} {
			t.Run(fmt.Sprint(tt.name, ", hook ", hook), func(t *testing.T) {
				t.Parallel()
				s := newScene(conversation.Reporting{Outcomes: hook})
				s.RegisterWorkflowWithOptions(tt.script, workflow.RegisterOptions{Name: "Visit"})
				s.ExecuteWorkflow("Visit", tt.in)
				require.True(t, s.IsWorkflowCompleted())
				if tt.words == "" && tt.level != "" {
					require.NoError(t, s.GetWorkflowError())
				} else if tt.words != "" {
					require.ErrorContains(t, s.GetWorkflowError(), tt.words)
				}
				if !hook || tt.outcome == "" {
					require.Empty(t, s.told)
				} else {
					require.Len(t, s.told, 1)
					o := s.told[0]
					require.Equal(t, "default-test-run-id/"+tt.outcome, o.ID)
					require.Equal(t, "Visit", o.Script)
					require.Equal(t, "default-test-workflow-id", o.WorkflowID)
					require.Equal(t, tt.outcome, o.Outcome)
					require.Equal(t, tt.result, string(o.Result))
					require.Equal(t, tt.words, o.Error)
					require.False(t, o.Time.IsZero())
				}
				said := s.lines.String()
				require.NotContains(t, said, "5559876543")
				require.NotContains(t, said, "words of the contact")
				if tt.level == "" {
					require.NotContains(t, said, "A script")
					return
				}
				require.Contains(t, said, "level="+tt.level+` msg="A script `)
				require.Contains(t, said, "script=Visit contact=+1•••543 outcome="+quoted(tt.outcome))
			})
		}
	}
}

// quoted is a value as the log writes it.
func quoted(word string) string {
	if strings.Contains(word, " ") {
		return `"` + word + `"`
	}
	return word
}

// TestOutcomeOfARun: the reference is what the script named, and the log names the
// contact as the worker does.
func TestOutcomeOfARun(t *testing.T) {
	t.Parallel()
	s := newScene(conversation.Reporting{Outcomes: true, Tag: func(sms.Number) string { return "tag-of-ana" }})
	s.ExecuteWorkflow(func(ctx workflow.Context) (visited, error) {
		conversation.With(ctx, "+15559876543", conversation.About("A-17"))
		conversation.With(ctx, "+15559876544")
		return visited{Outcome: "came"}, nil
	})
	require.NoError(t, s.GetWorkflowError())
	require.Equal(t, "A-17", s.told[0].Reference)
	require.Contains(t, s.lines.String(), "contact=tag-of-ana")
}

// TestOutcomeCannotBeTold: that changes nothing of the script.
func TestOutcomeCannotBeTold(t *testing.T) {
	t.Parallel()
	s := newScene(conversation.Reporting{Outcomes: true})
	s.hook = func() error { return errors.New("posting to https://shop.example/?token=secret: HTTP 500") }
	s.ExecuteWorkflow(func(ctx workflow.Context) (visited, error) {
		conversation.With(ctx, "+15559876543")
		return visited{Outcome: "came"}, nil
	})
	require.NoError(t, s.GetWorkflowError())
	var result visited
	require.NoError(t, s.GetWorkflowResult(&result))
	require.Equal(t, "came", result.Outcome)
	require.Len(t, s.told, 20)
	for _, o := range s.told {
		require.Equal(t, s.told[0], o)
	}
	require.Contains(t, s.lines.String(), "The outcome of a script could not be told")
}
