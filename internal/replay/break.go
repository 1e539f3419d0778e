package replay

import (
	"errors"
	"sort"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"parley/sms"
)

// A Break is where a build cannot go on with a run.
type Break struct {
	Event int64  `json:"event,omitempty"` // of the history
	What  string `json:"what"`            // for a person; it holds no text of the history
}

// Error implements error.
func (b *Break) Error() string { return b.What }

// explain finds the first task at which a replay breaks, and says why.
func (b Build) explain(workflowID, runID string, tasks []task, err error) *Break {
	if errors.Is(err, errEndless) {
		return &Break{What: err.Error()}
	}
	// A history that breaks goes on breaking, so the first task that does can be
	// found by halving.
	last := len(tasks) - 1
	first := sort.Search(last, func(i int) bool { return b.try(workflowID, runID, tasks[i]) != nil })
	if first < last {
		err = b.try(workflowID, runID, tasks[first])
	}
	if b, ok := errors.AsType[*Break](err); ok {
		return b
	}
	return &Break{Event: tasks[first].completed, What: "the replay fails: " + masked(err.Error())}
}

// longest is how many letters of the SDK's words are told.
const longest = 300

// masked leaves out of the SDK's words what is in brackets: events and commands,
// which hold payloads. A text in a payload may have brackets of its own; if they do
// not match, everything from the first one on is left out.
func masked(words string) string {
	var b strings.Builder
	depth, first, quoted, escaped := 0, -1, false, false
	for _, r := range words {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = r == '\\', r != '"'
		case depth > 0 && r == '"':
			quoted = true
		case r == '(' || r == '{':
			if depth++; depth > 1 {
				continue
			}
			b.WriteString("(…)")
			if first < 0 {
				first = b.Len()
			}
		case depth > 0 && (r == ')' || r == '}'):
			depth--
		case first >= 0 && (r == ')' || r == '}'):
			return told(b.String()[:first])
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return told(b.String())
}

func told(words string) string {
	masked := []rune(sms.Mask(strings.ReplaceAll(words, "\n", " ")))
	if len(masked) > longest {
		return string(masked[:longest]) + "…"
	}
	return string(masked)
}

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
