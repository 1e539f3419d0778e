package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/wording"
)

// life is what the latest events of some conversations tell.
type life struct {
	looked  int
	text    time.Time // when the last one of a contact came
	receipt time.Time
	sent    time.Time // when the carrier took the last one of ours
	turns   []time.Time
	unread  []time.Time // since when something waits to be taken by a worker
	sealing sealing
}

const (
	latestEvents = 50 // of a conversation are read: some turns
	readers      = 8
)

// examineLife reads the end of some histories. It takes no worker, and costs no
// action.
func (e *examination) examineLife(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	const check = "life"
	runs, err := e.newest(ctx)
	if err != nil {
		return []Finding{failed(check, "look at the server's visibility store", "%v", e.server.Explain("listing conversations", err))}
	}
	if len(runs) == 0 {
		return []Finding{fine(check, "no conversation is running, so there is none to see"), e.examineEncryption(ctx, sealing{})}
	}
	l, err := e.read(ctx, runs)
	if l.looked == 0 {
		return []Finding{failed(check, "ask again, with a longer --timeout", "%v", e.server.Explain("reading what happened", err))}
	}
	return []Finding{e.traffic(l, len(runs)), e.responder(l), e.standing(l), e.examineEncryption(ctx, l.sealing)}
}

// newest are the conversations that began last, as visibility lists them.
func (e *examination) newest(ctx context.Context) ([]*commonpb.WorkflowExecution, error) {
	var runs []*commonpb.WorkflowExecution
	err := e.server.EachConversation(ctx, "ExecutionStatus = 'Running'", e.Sample, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		runs = append(runs, info.GetExecution())
		return true, nil
	})
	return runs, err
}

// read looks into the runs until the time is over; what it has seen by then counts.
func (e *examination) read(ctx context.Context, runs []*commonpb.WorkflowExecution) (life, error) {
	var all life
	var failure error
	var lock sync.Mutex
	var reading sync.WaitGroup
	next := make(chan *commonpb.WorkflowExecution)
	for range readers {
		reading.Go(func() {
			for run := range next {
				events, err := e.latest(ctx, run)
				sealing := sealingOf(ctx, events, e.server.Keys)
				lock.Lock()
				switch _, gone := errors.AsType[*serviceerror.NotFound](err); {
				case err == nil:
					all.add(events, e.kindOf)
					all.sealing.add(sealing)
				case !gone && failure == nil:
					failure = err
				}
				lock.Unlock()
			}
		})
	}
	for _, run := range runs {
		next <- run
	}
	close(next)
	reading.Wait()
	return all, failure
}

// latest are a run's last events, the newest first.
func (e *examination) latest(ctx context.Context, run *commonpb.WorkflowExecution) ([]*historypb.HistoryEvent, error) {
	page, err := e.server.Temporal.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: e.server.Namespace, Execution: run, MaximumPageSize: latestEvents,
	})
	return page.GetHistory().GetEvents(), err
}

// kindOf tells what a conversation was told; empty if we cannot read it.
func (e *examination) kindOf(signal *historypb.WorkflowExecutionSignaledEventAttributes) wire.Kind {
	var told wire.Envelope
	if signal.GetSignalName() != wire.EventSignal || e.server.Converter.FromPayloads(signal.GetInput(), &told) != nil {
		return ""
	}
	return told.Kind
}

// add reads the end of one history, the newest event first.
func (l *life) add(events []*historypb.HistoryEvent, kindOf func(*historypb.WorkflowExecutionSignaledEventAttributes) wire.Kind) {
	l.looked++
	l.addSignals(events, kindOf)
	l.addActivities(events)
}

func (l *life) addSignals(events []*historypb.HistoryEvent, kindOf func(*historypb.WorkflowExecutionSignaledEventAttributes) wire.Kind) {
	read := false       // by a worker, whatever came before
	var waits time.Time // since when something is not
	for _, e := range events {
		at := e.GetEventTime().AsTime()
		read = read || e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
		signal := e.GetWorkflowExecutionSignaledEventAttributes()
		if signal == nil {
			continue
		}
		if !read {
			waits = at
		}
		switch kindOf(signal) {
		case wire.KindInbound:
			l.text = later(l.text, at)
		case wire.KindReceipt:
			l.receipt = later(l.receipt, at)
		default: // of no interest here
		}
	}
	if !waits.IsZero() {
		l.unread = append(l.unread, waits)
	}
}

func (l *life) addActivities(events []*historypb.HistoryEvent) {
	ended := map[int64]time.Time{} // when an activity did, by the event that began it; zero: not well
	for _, e := range events {
		at := e.GetEventTime().AsTime()
		if begun, well := endOf(e); begun != 0 {
			if ended[begun] = (time.Time{}); well {
				ended[begun] = at
			}
		}
		end, over := ended[e.GetEventId()]
		switch e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() {
		case wire.SendMessageType:
			l.sent = later(l.sent, end)
		case activities.HandleInboundMessageType:
			if !over {
				l.turns = append(l.turns, at)
			}
		}
	}
}

// endOf is the event that began the activity which ends with this one, or 0.
func endOf(e *historypb.HistoryEvent) (begun int64, well bool) {
	if begun = e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId(); begun != 0 {
		return begun, true
	}
	return cmp.Or(
		e.GetActivityTaskFailedEventAttributes().GetScheduledEventId(),
		e.GetActivityTaskTimedOutEventAttributes().GetScheduledEventId(),
		e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId(),
	), false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// silence is how long a text may be without a receipt, or a turn without an
// end, before a person should know.
const silence = 10 * time.Minute

func (e *examination) traffic(l life, runs int) Finding {
	const check = "life"
	sample := fmt.Sprintf("of %s, those that began last", wording.Counted(l.looked, "conversation"))
	if l.looked < runs {
		sample = fmt.Sprintf("of %d conversations, as many of the last %d as could be read in time", l.looked, runs)
	}
	found := fmt.Sprintf("last text of a contact %s, last receipt %s, last text that Sinch took %s; %s", e.ago(l.text), e.ago(l.receipt), e.ago(l.sent), sample)
	if !l.sent.IsZero() && l.receipt.Before(l.sent) && time.Since(l.sent) > silence {
		return warned(check, "does Sinch reach the webhook? See its log, parley webhook list, and parley doctor --probe; some networks never report", "%s: no receipt since", found)
	}
	return fine(check, "%s", found)
}

func (e *examination) ago(t time.Time) string {
	if t.IsZero() {
		return "unseen"
	}
	return wording.Age(time.Since(t)) + " ago"
}

func (e *examination) responder(l life) Finding {
	const check = "responder"
	if len(l.turns) == 0 {
		return fine(check, "no turn is open in these conversations")
	}
	oldest := slices.MinFunc(l.turns, time.Time.Compare)
	found := fmt.Sprintf("%s in these conversations, the oldest for %s", wording.Counted(len(l.turns), "open turn"), wording.Age(time.Since(oldest)))
	if time.Since(oldest) > silence {
		return warned(check, "is the service at PARLEY_RESPONDER_URL slow, or no worker there? See the worker's log", "%s", found)
	}
	return fine(check, "%s", found)
}

// standing are conversations that stand still: they were told something, and no
// worker has taken it.
func (e *examination) standing(l life) Finding {
	const check = "standing still"
	late := slices.DeleteFunc(slices.Clone(l.unread), func(at time.Time) bool { return time.Since(at) < overdue })
	if len(late) == 0 {
		return fine(check, "none of these conversations")
	}
	return failed(check, "start a worker of the right build; if one runs, its log says why the workflow task fails", "%s, the longest for %s",
		wording.Counted(len(late), "conversation"), wording.Age(time.Since(slices.MinFunc(late, time.Time.Compare))))
}
