package conversation_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/conversation"
)

type sleeper struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// TestSleepUntilGoesOnElsewhere: only who has done nothing begins again, and only
// if there is a newer build.
func TestSleepUntilGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	in := sleeper{Name: "x", Until: start.Add(48 * time.Hour)}
	sleep := func(ctx workflow.Context) error { return conversation.SleepUntil(ctx, in.Until) }
	after := func(act func(workflow.Context)) func(workflow.Context) error {
		return func(ctx workflow.Context) error {
			act(ctx)
			return conversation.SleepUntil(ctx, in.Until)
		}
	}
	child := func(workflow.Context) error { return nil }
	nothing := func(context.Context) error { return nil }
	options := func(ctx workflow.Context) workflow.Context {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
		return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second})
	}
	none := func(*testsuite.TestWorkflowEnvironment) {}
	tests := []struct {
		name   string
		script func(workflow.Context) error
		world  func(*testsuite.TestWorkflowEnvironment)
		goesOn bool
	}{
		{"did nothing", sleep, none, true},
		{"wraps the error", func(ctx workflow.Context) error { return fmt.Errorf("waiting: %w", sleep(ctx)) }, none, true},
		{"slept twice", func(ctx workflow.Context) error {
			if err := conversation.SleepUntil(ctx, start.Add(time.Hour)); err != nil {
				return err
			}
			return sleep(ctx)
		}, none, true},
		{"with a chat", after(func(ctx workflow.Context) { conversation.With(ctx, "+15559876543") }), none, true},
		{"said what can be said again", after(func(ctx workflow.Context) {
			workflow.GetLogger(ctx).Info("asleep")
			workflow.SetCurrentDetails(ctx, "asleep")
			_ = workflow.UpsertMemo(ctx, map[string]any{"a": 1})
			_ = workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 1)
			_ = workflow.SetQueryHandler(ctx, "how", func() (string, error) { return workflow.Now(ctx).String() + workflow.GetInfo(ctx).TaskQueueName, nil })
		}), none, true},
		{"was asked by a query that looks at the clock", after(func(ctx workflow.Context) {
			_ = workflow.SetQueryHandler(ctx, "how", func() (string, error) { return workflow.Now(ctx).String() + workflow.GetInfo(ctx).TaskQueueName, nil })
		}), func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() {
				if _, err := env.QueryWorkflow("how"); err != nil {
					panic(err)
				}
			}, time.Hour)
		}, true},

		{"there is no newer build", sleep, func(env *testsuite.TestWorkflowEnvironment) { env.SetTargetWorkerDeploymentVersionChanged(false) }, false},
		{"a day", func(ctx workflow.Context) error { return conversation.SleepUntil(ctx, start.Add(24*time.Hour)) }, none, false},
		{"the past", func(ctx workflow.Context) error { return conversation.SleepUntil(ctx, start.Add(-48*time.Hour)) }, none, false},
		{"looked at the clock", after(func(ctx workflow.Context) { workflow.Now(ctx) }), none, false},
		{"looked at itself", after(func(ctx workflow.Context) { workflow.GetInfo(ctx) }), none, false},
		{"activity", after(func(ctx workflow.Context) { _ = workflow.ExecuteActivity(options(ctx), "Nothing").Get(ctx, nil) }), none, false},
		{"local activity", after(func(ctx workflow.Context) { _ = workflow.ExecuteLocalActivity(options(ctx), "Nothing").Get(ctx, nil) }), none, false},
		{"child", after(func(ctx workflow.Context) { _ = workflow.ExecuteChildWorkflow(ctx, child).Get(ctx, nil) }), none, false},
		{"side effect", after(func(ctx workflow.Context) { workflow.SideEffect(ctx, func(workflow.Context) any { return 1 }) }), none, false},
		{"side effect with options", after(func(ctx workflow.Context) {
			workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{}, func(workflow.Context) any { return 1 })
		}), none, false},
		{"mutable side effect", after(func(ctx workflow.Context) {
			workflow.MutableSideEffect(ctx, "a", func(workflow.Context) any { return 1 }, func(a, b any) bool { return a == b })
		}), none, false},
		{"timer", after(func(ctx workflow.Context) { workflow.NewTimer(ctx, time.Second) }), none, false},
		{"sleep", after(func(ctx workflow.Context) { _ = workflow.Sleep(ctx, time.Second) }), none, false},
		{"await", after(func(ctx workflow.Context) {
			_, _ = workflow.AwaitWithTimeout(ctx, time.Second, func() bool { return false })
		}), none, false},
		{"coroutine", after(func(ctx workflow.Context) { workflow.Go(ctx, func(workflow.Context) {}) }), none, false},
		{"signals another", after(func(ctx workflow.Context) {
			_ = workflow.SignalExternalWorkflow(ctx, "other", "", "s", 1).Get(ctx, nil)
		}), none, false},
		{"cancels another", after(func(ctx workflow.Context) {
			_ = workflow.RequestCancelExternalWorkflow(ctx, "other", "").Get(ctx, nil)
		}), none, false},
		{"got a signal", sleep, func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() { env.SignalWorkflow("s", 1) }, time.Hour)
		}, false},
		{"got an update", after(func(ctx workflow.Context) {
			_ = workflow.SetUpdateHandler(ctx, "u", func(workflow.Context) error { return nil })
		}), func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() { env.UpdateWorkflowNoRejection("u", "1", t) }, time.Hour)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			suite := testsuite.WorkflowTestSuite{}
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetTestTimeout(time.Minute)
			env.SetStartTime(start)
			env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
			env.SetTargetWorkerDeploymentVersionChanged(true)
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ sleeper) (string, error) { return "awake", tt.script(ctx) }, workflow.RegisterOptions{Name: "Script"})
			env.RegisterWorkflow(child)
			env.RegisterActivityWithOptions(nothing, activity.RegisterOptions{Name: "Nothing"})
			env.OnSignalExternalWorkflow(mock.Anything, "other", mock.Anything, mock.Anything, mock.Anything).Return(nil).Maybe()
			env.OnRequestCancelExternalWorkflow(mock.Anything, "other", mock.Anything).Return(nil).Maybe()
			tt.world(env)
			env.ExecuteWorkflow("Script", in)
			require.True(t, env.IsWorkflowCompleted())
			if !tt.goesOn {
				require.NoError(t, env.GetWorkflowError())
				return
			}
			var next *workflow.ContinueAsNewError
			require.ErrorAs(t, env.GetWorkflowError(), &next)
			require.Equal(t, "Script", next.WorkflowType.Name)
			require.EqualValues(t, workflow.ContinueAsNewVersioningBehaviorAutoUpgrade, next.InitialVersioningBehavior)
			var again sleeper
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &again))
			require.Equal(t, in, again)
		})
	}
}

// TestSleepUntilIsCancelled: a newer build is no reason to live on.
func TestSleepUntilIsCancelled(t *testing.T) {
	t.Parallel()
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
	env.SetTargetWorkerDeploymentVersionChanged(true)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		return conversation.SleepUntil(ctx, workflow.Now(ctx).Add(48*time.Hour))
	})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, env.GetWorkflowError(), &cancelled)
}

// TestSleepUntilIsCancelledAsItWakes: both may come in one task. The next run would
// not hear of it, and a script that somebody called off would talk.
func TestSleepUntilIsCancelledAsItWakes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	in := sleeper{Name: "x", Until: start.Add(48 * time.Hour)}
	input, err := converter.GetDefaultDataConverter().ToPayloads(in)
	require.NoError(t, err)
	queue := &taskqueuepb.TaskQueue{Name: "parley"}
	var events []*historypb.HistoryEvent
	event := func(after time.Duration, e *historypb.HistoryEvent) {
		e.EventId, e.EventTime = int64(len(events)+1), timestamppb.New(start.Add(after))
		events = append(events, e)
	}
	task := func(after time.Duration) {
		event(after, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
			WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{TaskQueue: queue},
		}})
		event(after, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
			WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{TargetWorkerDeploymentVersionChanged: true},
		}})
		event(after, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
			WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{ScheduledEventId: int64(len(events) - 1), StartedEventId: int64(len(events))},
		}})
	}
	event(0, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: "Script"}, TaskQueue: queue, Input: input, OriginalExecutionRunId: "r", FirstExecutionRunId: "r",
		},
	}})
	task(0)
	event(0, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_TIMER_STARTED, Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: "5", StartToFireTimeout: durationpb.New(48 * time.Hour), WorkflowTaskCompletedEventId: 4},
	}})
	event(48*time.Hour, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_TIMER_FIRED, Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
		TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: "5", StartedEventId: 5},
	}})
	event(48*time.Hour, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
		WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{},
	}})
	task(48 * time.Hour)
	event(48*time.Hour, &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{WorkflowTaskCompletedEventId: int64(len(events))},
	}})

	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in sleeper) error {
		err := conversation.SleepUntil(ctx, in.Until)
		if temporal.IsCanceledError(err) { // the replayer compares this ending, and not the other
			return nil
		}
		return err
	}, workflow.RegisterOptions{Name: "Script"})
	require.NoError(t, replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), &historypb.History{Events: events}))
}
