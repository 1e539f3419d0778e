package replay

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"parley/internal/telemetry"
)

// A Cause says what kind of break it is.
type Cause string

// Why a build cannot go on with a run.
const (
	Differs     Cause = "differs"          // it would do something else than the history says
	UnknownType Cause = "unknown workflow" // it has no such workflow
	Newer       Cause = "newer build"      // a newer build wrote what it would have to understand
	Panics      Cause = "panics"
	Endless     Cause = "endless"
)

// A Break is where a build cannot go on with a run.
type Break struct {
	Cause Cause  `json:"cause"`
	Event int64  `json:"event,omitempty"` // of the history
	What  string `json:"what"`            // for a person; it holds no text of the history
}

// Error implements error.
func (b *Break) Error() string { return b.What }

// explain finds the first task at which a replay breaks, and says what differs.
func (b Build) explain(workflowID, runID string, tasks []task, err error) *Break {
	if b, ok := errors.AsType[*Break](err); ok && b.Cause == Endless {
		return b
	}
	if unknown.MatchString(err.Error()) {
		return &Break{Cause: UnknownType, Event: 1, What: NoSuchType}
	}
	// A history that breaks goes on breaking, so the first task that does can be
	// found by halving.
	last := len(tasks) - 1
	first := sort.Search(last, func(i int) bool { return b.try(workflowID, runID, tasks[i]) != nil })
	if first < last {
		err = b.try(workflowID, runID, tasks[first])
	}
	return describe(tasks[first], err)
}

// NoSuchType is what is wrong with a run of a type that a build does not have.
const NoSuchType = "this build has no workflow of that type: what is open would wait for ever"

// A task is one that was done: what it did, and the history until then. What came
// after it is not replayed. The SDK would cancel at once what a request to cancel
// is about, and miss that the history does not have it yet.
type task struct {
	completed int64 // event
	did       []*historypb.HistoryEvent
	until     []*historypb.HistoryEvent
	goesOn    bool // nothing happened before the next: a local activity takes long
}

func tasksOf(events []*historypb.HistoryEvent) []task {
	var tasks []task
	for i, e := range events {
		if e.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		end := i + 1
		for end < len(events) && doneBy(events[end], e.GetEventId()) {
			end++
		}
		tasks = append(tasks, task{
			completed: e.GetEventId(), did: events[i+1 : end], until: events[:end:end],
			goesOn: end < len(events) && events[end].GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		})
	}
	return tasks
}

// doneBy reports whether an event is what a task did. Those stand right after it.
func doneBy(e *historypb.HistoryEvent, completed int64) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED:
		return true // they do not name the task
	default:
	}
	m := e.ProtoReflect()
	attributes := m.WhichOneof(m.Descriptor().Oneofs().ByName("attributes"))
	if attributes == nil {
		return false
	}
	by := attributes.Message().Fields().ByName("workflow_task_completed_event_id")
	return by != nil && m.Get(attributes).Message().Get(by).Int() == completed
}

var (
	unknown = regexp.MustCompile(`unable to find workflow type`)
	missing = regexp.MustCompile(`missing replay command for (\w+)`)
	extra   = regexp.MustCompile(`extra replay command for (\w+)(.*)`)
	other   = regexp.MustCompile(`history event is (\w+): .*replay command is (\w+)(.*)`)
	local   = regexp.MustCompile(`code executed local activity (\S+), but history event found (\w+),`)
	lacks   = regexp.MustCompile(`a matching (\w+) command was expected in history event position (\d*)`)
	lookup  = regexp.MustCompile(`lookup failed for scheduledEventID to activityID: scheduleEventID: (\d+)`)
	state   = regexp.MustCompile(`invalid state transition|adding duplicate command|moving command not present|lookup failed for|unable to find activityID|unexpected event type|unable to find nexus`)
	version = regexp.MustCompile(`Workflow code removed support of version (-?\d+).*for "?([^" ]*)"? changeID`)
	tooOld  = regexp.MustCompile(`Workflow code is too old to support version`)
	effect  = regexp.MustCompile(`No cached result found for side effectID|doesn't have a correspondent event`)
	result  = regexp.MustCompile(`replay workflow doesn't return the same result as the last event`)
	newer   = regexp.MustCompile(`deploy the newer worker`)

	activityName = regexp.MustCompile(`ActivityType:\(Name:([\w.]+)\)`)
	markerName   = regexp.MustCompile(`MarkerName:(\w+)`)
	workflowName = regexp.MustCompile(`WorkflowType:\(Name:([\w.]+)\)`)
)

// describe says what differs, out of the SDK's words. Those hold payloads, so
// nothing of them is handed on but names.
func describe(t task, err error) *Break {
	if b, ok := errors.AsType[*Break](err); ok {
		return b
	}
	b := &Break{Cause: Differs, Event: t.completed}
	words := strings.ReplaceAll(err.Error(), "\n", " ")
	if m := local.FindStringSubmatch(words); m != nil {
		b.What = fmt.Sprintf("the history has the result of %s, this build would call %s", m[2], m[1])
		b.Event = t.find("MarkerRecorded", "").GetEventId()
	} else if m := other.FindStringSubmatch(words); m != nil {
		e := t.find(m[1], words)
		b.Event, b.What = e.GetEventId(), fmt.Sprintf("the history has %s, this build would %s", has(m[1], e), would(m[2], m[3]))
		if strings.HasPrefix(m[1], m[2]) { // it is of the same kind
			b.What += ", or by another name"
		}
	} else if m := missing.FindStringSubmatch(words); m != nil {
		e := t.find(m[1], words)
		b.Event, b.What = e.GetEventId(), fmt.Sprintf("the history has %s, this build would do nothing, or wait for something else", has(m[1], e))
	} else if m := extra.FindStringSubmatch(words); m != nil {
		b.What = fmt.Sprintf("the history has nothing more in that task, this build would also %s", would(m[1], m[2]))
	} else if m := lacks.FindStringSubmatch(words); m != nil {
		b.at(t, m[2])
	} else if m := lookup.FindStringSubmatch(words); m != nil {
		b.at(t, m[1])
	} else if m := version.FindStringSubmatch(words); m != nil {
		b.What = fmt.Sprintf("the history has version %s of a change that this build has given up supporting", m[1])
	} else {
		switch {
		case newer.MatchString(words), tooOld.MatchString(words):
			b.Cause, b.What = Newer, "made by a newer build: deploy that, or one newer still"
		case effect.MatchString(words):
			b.What = "this build would record a side effect that the history lacks"
		case result.MatchString(words):
			b.What = "the history ends there, and this build would end in another way, or not at all"
		case state.MatchString(words):
			b.What = "the history has the outcome of something that this build would not have begun"
		default:
			b.Cause, b.What = Panics, "this build panics: "+cut(telemetry.Mask(words), 300)
		}
	}
	if b.Event == 0 {
		b.Event = t.completed
	}
	return b
}

// at says that what stands at a place of the history is not what this build does.
func (b *Break) at(t task, place string) {
	b.What = "the history has something that this build would not do"
	for _, e := range t.did {
		if strconv.FormatInt(e.GetEventId(), 10) == place {
			b.Event, b.What = e.GetEventId(), fmt.Sprintf("the history has %s, this build would do something else there", has(e.GetEventType().String(), e))
		}
	}
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// find looks up the event that the SDK writes about. If there are several of the
// type, the one that has the name or the id in those words.
func (t task) find(eventType, words string) *historypb.HistoryEvent {
	var found *historypb.HistoryEvent
	for _, e := range t.did {
		if e.GetEventType().String() != eventType {
			continue
		}
		if found == nil {
			found = e
		}
		if id := idOf(e); id != "" && strings.Contains(words, id) {
			return e
		}
	}
	return found
}

func idOf(e *historypb.HistoryEvent) string {
	if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
		return "ActivityId:" + a.GetActivityId() + ","
	}
	if a := e.GetTimerStartedEventAttributes(); a != nil {
		return "TimerId:" + a.GetTimerId() + ","
	}
	return ""
}

// has names what stands in the history.
func has(eventType string, e *historypb.HistoryEvent) string {
	var name string
	switch {
	case e.GetActivityTaskScheduledEventAttributes() != nil:
		name = e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	case e.GetMarkerRecordedEventAttributes() != nil:
		name = e.GetMarkerRecordedEventAttributes().GetMarkerName()
	case e.GetStartChildWorkflowExecutionInitiatedEventAttributes() != nil:
		name = e.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowType().GetName()
	}
	return known(events, eventType, name)
}

// would names what a command does.
func would(command, attributes string) string {
	name := ""
	for _, pattern := range []*regexp.Regexp{activityName, markerName, workflowName} {
		if m := pattern.FindStringSubmatch(attributes); m != nil {
			name = m[1]
			break
		}
	}
	return known(commands, command, name)
}

// events and commands, in words. A %s is their name.
var (
	events = map[string]string{
		"TimerStarted":                                    "a timer that starts",
		"TimerCanceled":                                   "a timer that is cancelled",
		"ActivityTaskScheduled":                           "the activity %s",
		"ActivityTaskCancelRequested":                     "an activity that is cancelled",
		"MarkerRecorded":                                  "what %s recorded",
		"SignalExternalWorkflowExecutionInitiated":        "a signal to another workflow",
		"RequestCancelExternalWorkflowExecutionInitiated": "another workflow that is cancelled",
		"StartChildWorkflowExecutionInitiated":            "the child workflow %s",
		"UpsertWorkflowSearchAttributes":                  "search attributes that are set",
		"WorkflowPropertiesModified":                      "a memo that is set",
		"WorkflowExecutionUpdateAccepted":                 "an update that is accepted",
		"WorkflowExecutionUpdateCompleted":                "an update that is answered",
	}
	commands = map[string]string{
		"StartTimer":                             "start a timer",
		"CancelTimer":                            "cancel a timer",
		"ScheduleActivityTask":                   "run the activity %s",
		"RequestCancelActivityTask":              "cancel an activity",
		"RecordMarker":                           "record what %s says",
		"SignalExternalWorkflowExecution":        "signal another workflow",
		"RequestCancelExternalWorkflowExecution": "cancel another workflow",
		"StartChildWorkflowExecution":            "start the child workflow %s",
		"UpsertWorkflowSearchAttributes":         "set search attributes",
		"ModifyWorkflowProperties":               "set a memo",
		"ProtocolMessage":                        "accept or answer an update",
	}
)

func known(words map[string]string, what, name string) string {
	form, ok := words[what]
	switch {
	case !ok:
		return what
	case !strings.Contains(form, "%s"):
		return form
	case name == "":
		return strings.TrimSuffix(strings.ReplaceAll(form, "%s", "something"), " ")
	}
	return fmt.Sprintf(form, name)
}
