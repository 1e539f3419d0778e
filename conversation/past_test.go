package conversation_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/conversation"
	"parley/sms"
)

// oldSettings are what a run of the first version recorded.
const oldSettings = `{"idle_after":604800000000000,"continue_after":0,"remember_for":86400000000000,"opt_out_reply":"out","opt_in_reply":"in","help_reply":"help","replies_per_hour":2,"responder_tries":[10000000000,120000000000,600000000000],"send_task_queue":"","search_attributes":false}`

// past is a history as an older build recorded it.
type past struct {
	*testing.T
	events []*historypb.HistoryEvent
	now    time.Time
	done   int64 // id of the last completed task
}

func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{T: t, now: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)}
	queue := &taskqueuepb.TaskQueue{Name: "parley", Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: conversation.WorkflowType}, TaskQueue: queue, Input: p.payloads(conversation.Start{Contact: contact}),
			WorkflowTaskTimeout: durationpb.New(10 * time.Second), OriginalExecutionRunId: "run", FirstExecutionRunId: "run", Attempt: 1, WorkflowId: "conversation:" + string(contact),
		},
	}})
	return p
}

func (p *past) payloads(v any) *commonpb.Payloads {
	p.Helper()
	out, err := converter.GetDefaultDataConverter().ToPayloads(v)
	require.NoError(p, err)
	return out
}

func (p *past) add(kind enumspb.EventType, e *historypb.HistoryEvent) int64 {
	e.EventId, e.EventType, e.EventTime = int64(len(p.events)+1), kind, timestamppb.New(p.now)
	p.events = append(p.events, e)
	return e.EventId
}

func (p *past) after(d time.Duration) { p.now = p.now.Add(d) }

// task is a workflow task that the older build completed; its commands' events follow.
func (p *past) task() {
	s := p.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
		WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{TaskQueue: &taskqueuepb.TaskQueue{Name: "parley"}, StartToCloseTimeout: durationpb.New(10 * time.Second), Attempt: 1},
	}})
	b := p.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
		WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: s},
	}})
	meta := &sdkpb.WorkflowTaskCompletedMetadata{}
	if p.done == 0 {
		meta = &sdkpb.WorkflowTaskCompletedMetadata{LangUsedFlags: []uint32{3, 4}, SdkName: "temporal-go", SdkVersion: "1.50.0"}
	}
	p.done = p.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{ScheduledEventId: s, StartedEventId: b, SdkMetadata: meta},
	}})
	if b == 4 || p.first() {
		p.add(enumspb.EVENT_TYPE_MARKER_RECORDED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: "SideEffect", WorkflowTaskCompletedEventId: p.done, Details: map[string]*commonpb.Payloads{
				"data": p.payloads(json.RawMessage(oldSettings)), "side-effect-id": p.payloads(1),
			}},
		}})
	}
}

func (p *past) first() bool {
	n := 0
	for _, e := range p.events {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			n++
		}
	}
	return n == 1
}

func (p *past) signal(e conversation.Envelope, err error) {
	require.NoError(p, err)
	p.raw(e)
}

func (p *past) raw(v any) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: conversation.EventSignal, Input: p.payloads(v)},
	}})
}

func (p *past) ask(id, words string) {
	body, err := json.Marshal(map[string]any{"script": conversation.ScriptRef{Type: "Script", WorkflowID: "script", RunID: "script-run"}, "text": words, "timeout": time.Hour})
	p.signal(conversation.Envelope{Schema: 1, ID: id, Kind: conversation.KindAsk, Body: body}, err)
}

func (p *past) text(id, words string) {
	p.signal(conversation.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: words, AcceptedAt: p.now}, p.now))
}

func (p *past) send(id, words string) {
	p.signal(conversation.SendEvent(id, conversation.SendRequest{Text: words}, p.now))
}

// scheduled is the event of an activity that was scheduled.
func (p *past) scheduled(name string) int64 {
	id := int64(len(p.events) + 1)
	return p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{ActivityId: itoa(id), ActivityType: &commonpb.ActivityType{Name: name}, WorkflowTaskCompletedEventId: p.done},
	}})
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func (p *past) completed(scheduled int64, result any) {
	b := p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled, Attempt: 1},
	}})
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: b, Result: p.payloads(result)},
	}})
}

func (p *past) failed(scheduled int64, kind string) {
	b := p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled, Attempt: 1},
	}})
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
		ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: b, RetryState: enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE,
			Failure: &failurepb.Failure{Message: "no", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: kind, NonRetryable: true, Details: p.payloads("CODE")}}},
		},
	}})
}

func (p *past) accepted(scheduled int64, id string) {
	p.completed(scheduled, sms.Accepted{MessageID: id, At: p.now})
}

func (p *past) timer(d time.Duration) int64 {
	id := int64(len(p.events) + 1)
	return p.add(enumspb.EVENT_TYPE_TIMER_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: itoa(id), StartToFireTimeout: durationpb.New(d), WorkflowTaskCompletedEventId: p.done},
	}})
}

func (p *past) fired(timer int64) {
	p.add(enumspb.EVENT_TYPE_TIMER_FIRED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
		TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: itoa(timer), StartedEventId: timer},
	}})
}

func (p *past) memo() {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
		WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{WorkflowTaskCompletedEventId: p.done, UpsertedMemo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{"ParleyAttention": p.payloads("x").Payloads[0]}}},
	}})
}

func (p *past) told(workflowID, name string) int64 {
	id := int64(len(p.events) + 1)
	return p.add(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{
		SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
			WorkflowTaskCompletedEventId: p.done, Namespace: "ReplayNamespace", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID}, SignalName: name, Control: itoa(id), Input: p.payloads("x"), //nolint:staticcheck // the SDK still finds the signal by it
		},
	}})
}

func (p *past) heard(initiated int64, workflowID string) {
	p.add(enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{
		ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{InitiatedEventId: initiated, Namespace: "ReplayNamespace", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID}, Control: itoa(initiated)}, //nolint:staticcheck // the SDK still finds the signal by it
	}})
}

// replay replays it on this build.
func (p *past) replay() {
	p.Helper()
	replayer := worker.NewWorkflowReplayer()
	toolkit := &conversation.Toolkit{Settings: conversation.DefaultSettings()}
	replayer.RegisterWorkflowWithOptions(toolkit.Conversation, workflow.RegisterOptions{Name: conversation.WorkflowType})
	require.NoError(p, replayer.ReplayWorkflowHistory(nil, &historypb.History{Events: p.events}))
}

// The webhook was deployed before the worker: a receipt with a class reached
// the build that knew none.
func TestPastReceiptWithAClass(t *testing.T) {
	p := newPast(t)
	p.ask("q", "well?")
	p.task()
	send := p.scheduled("SendMessage")
	p.accepted(send, "M1")
	p.task()
	p.timer(time.Hour)
	p.after(time.Minute)
	body, err := json.Marshal(map[string]any{"message_id": "M1", "status": "failed", "reason": "RECIPIENT_NOT_REACHABLE", "class": "transient", "at": p.now, "accepted_at": p.now})
	p.signal(conversation.Envelope{Schema: 1, ID: "receipt:M1:failed", Kind: conversation.KindReceipt, Body: body}, err)
	p.task()
	told := p.told("script", "answer/q")
	p.heard(told, "script")
	p.task()
	p.text("1", "hello")
	p.task()
	p.scheduled("HandleInboundMessage")
	p.replay()
}

// Texts in doubt were given up, with no word to a person but the attention.
func TestPastGivenUpInDoubt(t *testing.T) {
	p := newPast(t)
	p.send("a", "one")
	p.send("b", "two")
	p.task()
	for range 3 {
		p.failed(p.scheduled("SendMessage"), "Ambiguous")
		p.task()
		wait := p.timer(30 * time.Second)
		p.after(30 * time.Second)
		p.fired(wait)
		p.task()
	}
	two := p.scheduled("SendMessage")
	p.memo()
	p.accepted(two, "M2")
	p.task()
	p.timer(7 * 24 * time.Hour)
	p.text("1", "hello")
	p.task()
	p.scheduled("HandleInboundMessage")
	p.replay()
}

// The limit of replies was reached while a text was on its way.
func TestPastLimitOfReplies(t *testing.T) {
	p := newPast(t)
	p.text("1", "one")
	p.text("2", "two")
	p.text("3", "three")
	p.task()
	for i := range 2 {
		p.completed(p.scheduled("HandleInboundMessage"), map[string]any{"reply": "re"})
		p.task()
		reply := p.scheduled("SendMessage")
		if i == 1 {
			p.send("a", "by hand")
		}
		p.accepted(reply, "M"+itoa(int64(i)))
		p.task()
	}
	byHand := p.scheduled("SendMessage")
	p.memo()
	p.accepted(byHand, "M9")
	p.task()
	p.timer(7 * 24 * time.Hour)
	p.send("b", "hello")
	p.task()
	p.scheduled("SendMessage")
	p.replay()
}

// A responder that was away and then gave bad answers.
func TestPastMixedFailuresOfTheResponder(t *testing.T) {
	p := newPast(t)
	p.text("1", "one")
	p.task()
	waits := []time.Duration{10 * time.Second, 2 * time.Minute, 10 * time.Minute}
	for i, kind := range []string{"ResponderUnreachable", "ResponderUnreachable", "ResponderBadAnswer", "ResponderBadAnswer"} {
		p.failed(p.scheduled("HandleInboundMessage"), kind)
		p.task()
		if i < len(waits) {
			wait := p.timer(waits[i])
			p.after(waits[i])
			p.fired(wait)
			p.task()
		}
	}
	p.memo()
	p.timer(30 * 24 * time.Hour)
	p.send("b", "hello")
	p.task()
	p.scheduled("SendMessage")
	p.replay()
}

// The process that sends was deployed first.
func TestPastDeniedByANewerSender(t *testing.T) {
	for _, kind := range []string{"Denied", "TooLate", "Unknown"} {
		t.Run(kind, func(t *testing.T) {
			p := newPast(t)
			p.send("a", "one")
			p.task()
			p.failed(p.scheduled("SendMessage"), kind)
			p.task()
			wait := p.timer(30 * time.Second)
			p.after(30 * time.Second)
			p.fired(wait)
			p.task()
			p.scheduled("SendMessage")
			p.replay()
		})
	}
}

// Nobody had checked the word of a say.
func TestPastSayWithAnotherWord(t *testing.T) {
	p := newPast(t)
	body := `{"script":{"type":"S","workflow_id":"x"},"text":"hello","in_doubt":"maybe"}`
	p.raw(conversation.Envelope{Schema: 1, ID: "s", Kind: conversation.KindSay, Body: []byte(body)})
	p.task()
	p.scheduled("SendMessage")
	p.replay()
}

func (p *past) textAt(id, words string, at time.Time) {
	p.signal(conversation.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: words, AcceptedAt: at}, p.now))
}

// A STOP was taken although a START had come before it.
func TestPastLateStop(t *testing.T) {
	p := newPast(t)
	p.textAt("1", "STOP", p.now)
	p.task()
	out := p.scheduled("SendMessage")
	month := p.timer(30 * 24 * time.Hour)
	p.accepted(out, "M1")
	p.task()
	p.after(time.Minute)
	p.textAt("3", "START", p.now)
	p.task()
	in := p.scheduled("SendMessage")
	p.accepted(in, "M2")
	p.task()
	p.canceled(month)
	p.timer(7 * 24 * time.Hour)
	p.after(time.Minute)
	p.textAt("2", "STOP", p.now.Add(-90*time.Second))
	p.task()
	p.scheduled("SendMessage")
	p.replay()
}

// A receipt of an earlier attempt that failed was dropped, and then that one was found.
func TestPastFailureOfAnEarlierAttempt(t *testing.T) {
	p := newPast(t)
	p.ask("q", "well?")
	p.task()
	p.failed(p.scheduled("SendMessage"), "Ambiguous")
	p.task()
	wait := p.timer(30 * time.Second)
	p.after(30 * time.Second)
	p.fired(wait)
	p.task()
	look := p.scheduled("SendMessage")
	body, err := json.Marshal(map[string]any{"message_id": "M1", "key": "run-1", "status": "failed", "reason": "X", "at": p.now, "accepted_at": p.now})
	p.signal(conversation.Envelope{Schema: 1, ID: "receipt:M1:failed", Kind: conversation.KindReceipt, Body: body}, err)
	p.task()
	p.accepted(look, "M1")
	p.task()
	p.timer(time.Hour)
	p.after(time.Minute)
	p.text("1", "hello")
	p.task()
	p.told("script", "answer/q")
	p.replay()
}

// Both limits spoke the same words, which were shown once.
func TestPastWordsOfTheLimit(t *testing.T) {
	p := newPast(t)
	p.text("1", "one")
	p.task()
	p.completed(p.scheduled("HandleInboundMessage"), map[string]any{"reply": "re"})
	p.task()
	p.accepted(p.scheduled("SendMessage"), "M1")
	p.task()
	p.timer(7 * 24 * time.Hour)
	p.after(time.Minute)
	p.text("2", "two")
	p.task()
	two := p.scheduled("HandleInboundMessage")
	p.text("3", "help")
	p.text("4", "help")
	p.task()
	help := p.scheduled("SendMessage")
	p.memo()
	p.accepted(help, "M2")
	p.task()
	p.completed(two, map[string]any{"reply": "re 2"})
	p.task()
	p.accepted(p.scheduled("SendMessage"), "M3")
	p.task()
	p.text("5", "five")
	p.task() // the limit again
	p.send("b", "hello")
	p.task()
	p.scheduled("SendMessage")
	p.replay()
}

func (p *past) canceled(timer int64) {
	p.add(enumspb.EVENT_TYPE_TIMER_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{
		TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{TimerId: itoa(timer), StartedEventId: timer, WorkflowTaskCompletedEventId: p.done},
	}})
}
