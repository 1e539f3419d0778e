package replay_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"parley/conversation"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/replay"
	"parley/workflows"
)

const recorded = "../../workflows/testdata/histories/v1/"

func history(t *testing.T, path string) *historypb.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	h, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h
}

// around are the interceptors of a worker of scripts.
var around = worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{conversation.Interceptor()}}

// until is a history as it was when it had so many events. Each replay has its
// own, since the SDK writes to what it reads.
func until(h *historypb.History, events int) *historypb.History {
	return proto.CloneOf(&historypb.History{Events: h.GetEvents()[:events]})
}

func build(script any) replay.Build {
	return replay.Build{Options: around, Register: func(r worker.Registry) {
		engine.Register(r, &engine.Toolkit{Settings: wire.DefaultSettings()})
		r.RegisterWorkflowWithOptions(script, workflow.RegisterOptions{Name: "Feedback"})
		r.RegisterWorkflowWithOptions(workflows.AppointmentConfirmation, workflow.RegisterOptions{Name: "AppointmentConfirmation"})
	}}
}

func lookUp(context.Context) (string, error) { return "", nil }

// feedback is workflows.Feedback with a change: before it asks first, before it
// asks why, and at the end.
func feedback(first, why, last func(workflow.Context, *conversation.Chat) error) any {
	return func(ctx workflow.Context, in workflows.Visit) (workflows.Rating, error) {
		chat := conversation.With(ctx, in.Contact)
		if err := first(ctx, chat); err != nil {
			return workflows.Rating{}, err
		}
		stars, err := conversation.Ask(ctx, chat, conversation.Question[string]{
			Text: "How many stars?", Answer: conversation.OneOf("1", "2", "3", "4", "5"), Reprompt: "A number, please.", Attempts: 2,
		})
		if err != nil {
			return workflows.Rating{}, err
		}
		if err := why(ctx, chat); err != nil {
			return workflows.Rating{}, err
		}
		words, err := conversation.Ask(ctx, chat, conversation.Question[string]{Text: "Why?", Answer: conversation.AnyText()})
		if err != nil {
			return workflows.Rating{}, err
		}
		if err := last(ctx, chat); err != nil {
			return workflows.Rating{}, err
		}
		_, err = chat.Say(ctx, "Thanks.")
		return workflows.Rating{Stars: stars, Why: words}, err
	}
}

func nothing(workflow.Context, *conversation.Chat) error { return nil }

func say(ctx workflow.Context, chat *conversation.Chat) error {
	_, err := chat.Say(ctx, "One more thing.")
	return err
}

func do(ctx workflow.Context, _ *conversation.Chat) error {
	_, err := conversation.Do[string](ctx, lookUp)
	return err
}

func sleep(ctx workflow.Context, _ *conversation.Chat) error { return workflow.Sleep(ctx, time.Hour) }

// TestReplay changes a script under a run that is open. The history of that is
// cut where a task has just been done, and where the next was scheduled or begun.
func TestReplay(t *testing.T) {
	t.Parallel()
	two := history(t, recorded+"feedback-two-questions.json")
	const (
		asked     = 6  // the first question: its timer has started
		begun     = 9  // the contact's answer has come, and a task for it has begun
		asksAgain = 12 // the answer was not understood
		why       = 18 // the second question is asked
		all       = 26
	)
	tests := []struct {
		name   string
		script any
		events int
		event  int64 // 0: nothing would break
		what   string
	}{
		{"as it was, asked", workflows.Feedback, asked, 0, ""},
		{"as it was, begun", workflows.Feedback, begun, 0, ""},
		{"as it was, the second question", workflows.Feedback, why, 0, ""},
		{"as it was, to the end", workflows.Feedback, all, 0, ""},
		{"other words", feedback(nothing, nothing, nothing), all, 0, ""},
		{"an activity before the question", feedback(do, nothing, nothing), asked, 4, "a matching Timer command was expected in history event position 6."},
		{"an activity before the question, begun", feedback(do, nothing, nothing), begun, 4, "a matching Timer command was expected in history event position 6."},
		{"a pause before the question", feedback(sleep, nothing, nothing), asked, 4, "a matching Timer command was expected in history event position 6."},
		{"a text before the question", feedback(say, nothing, nothing), asked, 4, "a matching Timer command was expected in history event position 6."},
		{"a text before the question, begun", feedback(say, nothing, nothing), begun, 4, "a matching Timer command was expected in history event position 6."},
		{"a text before the second question", feedback(nothing, say, nothing), why, 16, "the history has the results of 3 calls of local activities until there, this build would make 4, the last of TellConversation"},
		{"a text before the second question, not there yet", feedback(nothing, say, nothing), asksAgain, 0, ""},
		{"an activity before the second question", feedback(nothing, do, nothing), why, 16, "history event is MarkerRecorded: (…), replay command is ScheduleActivityTask: (…)"},
		{"an activity at the end, not there yet", feedback(nothing, nothing, do), why, 0, ""},
		{"an activity at the end", feedback(nothing, nothing, do), all, 22, "history event is MarkerRecorded: (…), replay command is ScheduleActivityTask: (…)"},
		{
			"a question less",
			func(workflow.Context, workflows.Visit) (workflows.Rating, error) { return workflows.Rating{}, nil },
			asked, 4, "No cached result found for side effectID=1.", // how it ended is to be told
		},
		{
			"panics",
			func(workflow.Context, workflows.Visit) (workflows.Rating, error) { panic("not today, +15559876543") },
			asked, 4, "the replay fails: not today, +1•••543",
		},
		{"another type", nil, asked, 4, "unable to find workflow type: Feedback"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := build(tt.script)
			if tt.script == nil {
				b.Register = func(r worker.Registry) { engine.Register(r, &engine.Toolkit{}) }
			}
			broken := b.Replay("feedback-1", "", until(two, tt.events))
			if tt.what == "" {
				require.Nil(t, broken)
				return
			}
			require.NotNil(t, broken)
			require.Contains(t, broken.What, tt.what)
			require.Equal(t, tt.event, broken.Event)
			require.NotContains(t, broken.What, "Why")
		})
	}
}

// TestReplayOpen: what an open run did last is compared, whatever that is, and
// whatever has happened since.
func TestReplayOpen(t *testing.T) {
	t.Parallel()
	const history = `{"events":[
		{"eventId":1,"eventType":"WorkflowExecutionStarted","workflowExecutionStartedEventAttributes":{"workflowType":{"name":"Feedback"},"taskQueue":{"name":"parley"}}},
		{"eventId":2,"eventType":"WorkflowTaskScheduled","workflowTaskScheduledEventAttributes":{}},
		{"eventId":3,"eventType":"WorkflowTaskStarted","workflowTaskStartedEventAttributes":{"scheduledEventId":2}},
		{"eventId":4,"eventType":"WorkflowTaskCompleted","workflowTaskCompletedEventAttributes":{"scheduledEventId":2,"startedEventId":3}},
		{"eventId":5,"eventType":"ActivityTaskScheduled","activityTaskScheduledEventAttributes":{"activityId":"5","activityType":{"name":"lookUp"},"workflowTaskCompletedEventId":4}},
		{"eventId":6,"eventType":"ActivityTaskStarted","activityTaskStartedEventAttributes":{"scheduledEventId":5}},
		{"eventId":7,"eventType":"ActivityTaskCompleted","activityTaskCompletedEventAttributes":{"scheduledEventId":5,"startedEventId":6}},
		{"eventId":8,"eventType":"WorkflowTaskScheduled","workflowTaskScheduledEventAttributes":{}},
		{"eventId":9,"eventType":"WorkflowTaskStarted","workflowTaskStartedEventAttributes":{"scheduledEventId":8}},
		{"eventId":10,"eventType":"WorkflowTaskCompleted","workflowTaskCompletedEventAttributes":{"scheduledEventId":8,"startedEventId":9}},
		{"eventId":11,"eventType":"SignalExternalWorkflowExecutionInitiated","signalExternalWorkflowExecutionInitiatedEventAttributes":
			{"workflowTaskCompletedEventId":10,"workflowExecution":{"workflowId":"other"},"signalName":"hello","control":"11"}},
		{"eventId":12,"eventType":"WorkflowExecutionSignaled","workflowExecutionSignaledEventAttributes":{"signalName":"x"}},
		{"eventId":13,"eventType":"WorkflowTaskScheduled","workflowTaskScheduledEventAttributes":{}},
		{"eventId":14,"eventType":"WorkflowTaskStarted","workflowTaskStartedEventAttributes":{"scheduledEventId":13}}
	]}`
	h, err := client.HistoryFromJSON(strings.NewReader(history), client.HistoryJSONOptions{})
	require.NoError(t, err)
	hello := func(ctx workflow.Context, _ *conversation.Chat) error {
		return workflow.SignalExternalWorkflow(ctx, "other", "", "hello", nil).Get(ctx, nil)
	}
	goodbye := func(ctx workflow.Context, _ *conversation.Chat) error {
		return workflow.SignalExternalWorkflow(ctx, "other", "", "goodbye", nil).Get(ctx, nil)
	}
	tests := []struct {
		name  string
		steps []func(workflow.Context, *conversation.Chat) error
		since int // the events from which on it would break; 0: never
		what  string
	}{
		{"as it was", []func(workflow.Context, *conversation.Chat) error{do, hello}, 0, ""},
		{"the activity is removed", []func(workflow.Context, *conversation.Chat) error{hello}, 5, "lookup failed for scheduledEventID to activityID: scheduleEventID: 5"},
		{"the signal is removed", []func(workflow.Context, *conversation.Chat) error{do, func(ctx workflow.Context, _ *conversation.Chat) error {
			return workflow.Await(ctx, func() bool { return false })
		}}, 11, "a matching Signal command was expected in history event position 11"},
		{"it ends", []func(workflow.Context, *conversation.Chat) error{do}, 11, "a matching Signal command was expected in history event position 11"},
		{"another signal", []func(workflow.Context, *conversation.Chat) error{do, goodbye}, 11, "history event is SignalExternalWorkflowExecutionInitiated: (…), replay command is SignalExternalWorkflowExecution: (…)"},
		{"a pause in between", []func(workflow.Context, *conversation.Chat) error{do, sleep, hello}, 11, "a matching Signal command was expected in history event position 11"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			script := func(ctx workflow.Context) error {
				for _, step := range tt.steps {
					if err := step(ctx, nil); err != nil {
						return err
					}
				}
				return nil
			}
			for _, events := range []int{5, 7, 9, 11, 12, 13, 14} {
				broken := build(script).Replay("feedback-1", "", until(h, events))
				if tt.since == 0 || events < tt.since {
					require.Nil(t, broken, "with %d events: %v", events, broken)
					continue
				}
				require.NotNil(t, broken, "with %d events", events)
				require.Contains(t, broken.What, tt.what)
			}
		})
	}
}

// TestEndings: how a run ended is compared, too.
func TestEndings(t *testing.T) {
	t.Parallel()
	canceled := history(t, recorded+"feedback-cancelled.json")
	swallows := func(ctx workflow.Context, in workflows.Visit) (workflows.Rating, error) {
		rating, err := workflows.Feedback(ctx, in)
		if temporal.IsCanceledError(err) {
			err = nil
		}
		return rating, err
	}
	require.Nil(t, build(workflows.Feedback).Replay("feedback-2", "", canceled))
	broken := build(swallows).Replay("feedback-2", "", canceled)
	require.NotNil(t, broken)
	require.Equal(t, "the history ends as cancelled there; this build would have completed by then", broken.What)

	broken = build(workflows.Feedback).Replay("feedback-2", "", until(canceled, 13))
	require.NotNil(t, broken)
	require.Equal(t, "the history goes on there; this build would have ended as cancelled by then", broken.What)
}

// TestNewer: what a newer build wrote is no mistake of this one.
func TestNewer(t *testing.T) {
	t.Parallel()
	h := history(t, "../../conversation/engine/testdata/histories/v1/conversation-run-2.json")
	require.Nil(t, build(workflows.Feedback).Replay("", "", h))
	input := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	input.Data = bytes.Replace(input.GetData(), []byte(`"schema":1`), []byte(`"schema":99`), 1)
	broken := build(workflows.Feedback).Replay("", "", h)
	require.NotNil(t, broken)
	require.Contains(t, broken.What, "deploy the newer worker")
}

var ofTask = regexp.MustCompile(`workflow_task_completed_event_id|EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_(ACCEPTED|COMPLETED)`)

// TestEveryMoment replays what is recorded as it was at every moment: this build
// goes on with all of it, whatever had just happened.
func TestEveryMoment(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../*/testdata/histories/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			h := history(t, path)
			id := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			for n := 1; n <= len(h.GetEvents()); n++ {
				if n < len(h.GetEvents()) && ofTask.MatchString(h.GetEvents()[n].String()) {
					continue // the server writes down at once what a task did
				}
				broken := build(workflows.Feedback).Replay(id, "", until(h, n))
				require.Nil(t, broken, "with %d events: %v", n, broken)
			}
		})
	}
}
