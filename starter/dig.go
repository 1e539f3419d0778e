package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// A digger looks for messages wherever they may be.
type digger struct {
	server  *server
	archive archiveFlags
	search  int
}

// A ledger is what is known of a conversation's messages, by key. What was
// written last is read first, and stands.
type ledger map[string]evidence

func (l ledger) add(e evidence) {
	if _, known := l[e.Message.Key]; !known && e.Message.Key != "" {
		l[e.Message.Key] = e
	}
}

// read adds all messages of a state.
func (l ledger) read(s *wire.State, as evidence) {
	for _, m := range conversations.Messages(s) {
		e := as
		e.Message = m
		if i := slices.IndexFunc(s.Parked, func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == m.Key }); i >= 0 && as.Source == fromNow {
			p := s.Parked[i]
			e.Parked = &wire.ParkedMark{ID: p.ID, Code: p.Code, Reason: p.Reason, At: p.At}
		}
		l.add(e)
	}
}

// chain is a message with those that it repeats and those that repeat it,
// oldest first; empty if it is not known.
func (l ledger) chain(key string) []evidence {
	first, known := l[key]
	if !known {
		return nil
	}
	for range l {
		earlier, known := l[first.Message.ResendOf]
		if !known {
			break
		}
		first = earlier
	}
	linked := map[string]bool{first.Message.Key: true}
	for range l {
		for k, e := range l {
			linked[k] = linked[k] || linked[e.Message.ResendOf]
		}
	}
	var chain []evidence
	for k, e := range l {
		if linked[k] {
			chain = append(chain, e)
		}
	}
	slices.SortFunc(chain, func(a, b evidence) int { return numberOf(a.Message.Key) - numberOf(b.Message.Key) })
	return chain
}

// missing is the message that a chain begins with, if that is not known.
func (l ledger) missing(key string) string {
	if chain := l.chain(key); len(chain) > 0 {
		return chain[0].Message.ResendOf
	}
	return key
}

// numberOf counts the messages of a conversation: it stands at a key's end.
func numberOf(key string) int {
	n, _ := strconv.Atoi(key[strings.LastIndexByte(key, '-')+1:])
	return n
}

// byKey finds a message of ours, and those that it is linked with.
func (d digger) byKey(ctx context.Context, key, firstRun string) (proof, error) {
	known := ledger{}
	var p proof
	info, err := d.server.desk.LastRun(ctx, key, firstRun, d.search)
	var walked walk
	switch {
	case err == nil:
		p.WorkflowID = info.GetExecution().GetWorkflowId()
		if walked, err = d.walk(ctx, info, key, known); err != nil {
			return proof{}, err
		}
		p.Note = walked.note
	case !errors.Is(err, conversations.ErrGone):
		return proof{}, err
	}
	id, err := d.fromArchive(ctx, key, known)
	if err != nil {
		return proof{}, err
	}
	if p.WorkflowID == "" {
		p.WorkflowID = id
	}
	if info != nil {
		if err := d.trace(ctx, p.WorkflowID, walked, key, known); err != nil {
			return proof{}, err
		}
	}
	if p.Evidence = known.chain(key); len(p.Evidence) == 0 {
		return proof{}, d.nowhere(key, info, walked)
	}
	with := d.server.desk.Whose(ctx, p.WorkflowID)
	p.Number, p.Sender = with.Contact, with.Sender
	return p, nil
}

// nowhere says where was looked in vain.
func (d digger) nowhere(key string, info *workflowpb.WorkflowExecutionInfo, w walk) error {
	id := info.GetExecution().GetWorkflowId()
	var temporal string
	switch {
	case info == nil:
		temporal = fmt.Sprintf("no history is left of its conversation, neither in the visibility of namespace %q nor among the %d newest conversations (a new one is listed a second or two late)", d.server.options.Namespace, d.search)
	case w.note != "":
		temporal = fmt.Sprintf("what is left of the history of %s does not have it; %s", id, w.note)
	case numberOf(key) > w.lastKey:
		temporal = fmt.Sprintf("%s has given out keys up to -%d only", id, w.lastKey)
	default:
		temporal = fmt.Sprintf("%s no longer knows it, and what is left of its history does not have it", id)
	}
	return fmt.Errorf("no trace of %s: %s; %s", key, temporal, d.archive.nothing())
}

// A walk is what was seen of a conversation's runs.
type walk struct {
	runs    []conversations.Before // newest first
	lastKey int
	note    string
}

// walk reads what a conversation knows, and what it knew earlier, until the
// chain of the message is whole.
func (d digger) walk(ctx context.Context, info *workflowpb.WorkflowExecutionInfo, key string, known ledger) (walk, error) {
	var w walk
	id, run := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	now, err := d.server.desk.Read(ctx, id, run)
	switch {
	case errors.Is(err, conversations.ErrNoWorker):
		w.note = err.Error() + "; what it knows now is not shown"
	case err != nil:
		return w, err
	default:
		known.read(&now.Conversation, evidence{Source: fromNow})
		w.lastKey = now.Conversation.LastKey
	}
	if known.missing(key) == "" {
		return w, nil
	}
	return w, d.server.desk.EachBefore(ctx, id, run, func(b conversations.Before) bool {
		w.runs = append(w.runs, b)
		if b.State == nil {
			return false
		}
		known.read(b.State, evidence{Source: fromBefore, AsOf: b.At})
		w.lastKey = max(w.lastKey, b.State.LastKey)
		return known.missing(key) != ""
	})
}

// fromArchive completes a chain from the archive, and returns whose it is. Who
// repeats a message is found among the last ones of its conversation.
func (d digger) fromArchive(ctx context.Context, key string, known ledger) (workflowID string, err error) {
	for missing := known.missing(key); missing != ""; missing = known.missing(key) {
		r, err := d.server.archived(ctx, d.archive, missing)
		if errors.Is(err, activities.ErrNoRecord) {
			break
		}
		if err != nil {
			return "", err
		}
		m := kept(r)
		m.Key = missing
		workflowID = r.Conversation
		known.add(evidence{Source: fromRecords, AsOf: r.At, Message: m})
	}
	if workflowID == "" {
		return "", nil
	}
	records, err := d.server.recent(ctx, d.archive, workflowID, archiveReach)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		known.add(evidence{Source: fromRecords, AsOf: r.At, Message: kept(r)})
	}
	return workflowID, nil
}

// archiveReach is how many messages back the archive is asked who repeats one.
const archiveReach = 1000

// trace looks into raw history: a message that left the transcript in the run
// that sent it is in no state, and one that left it later may have been reported
// on since.
func (d digger) trace(ctx context.Context, id string, w walk, key string, known ledger) error {
	traces := map[int][]*trace{} // by the run to begin with
	for _, e := range known.chain(key) {
		if e.Source == fromBefore {
			i := slices.IndexFunc(w.runs, func(b conversations.Before) bool { return b.At.Equal(e.AsOf) })
			traces[i] = append(traces[i], newTrace(e, d.server.dataConverter()))
		}
	}
	if missing := known.missing(key); missing != "" {
		i := slices.IndexFunc(w.runs, func(b conversations.Before) bool { return b.State == nil || b.State.LastKey < numberOf(missing) })
		traces[i] = append(traces[i], newTrace(evidence{Source: fromHistory, Message: wire.Message{Key: missing}}, d.server.dataConverter()))
	}
	var begun []*trace
	for i, b := range slices.Backward(w.runs) {
		begun = append(begun, traces[i]...)
		if len(begun) == 0 {
			continue
		}
		err := d.server.desk.EachEvent(ctx, id, b.Run, func(event *historypb.HistoryEvent) {
			for _, t := range begun {
				t.take(b.Run, event)
			}
		})
		if err != nil && !conversations.IsNotFound(err) {
			return d.server.explain("reading the history of "+id, err)
		}
	}
	for _, t := range begun {
		if t.encrypted != nil {
			return fmt.Errorf("reading the history of %s: %w", id, t.encrypted)
		}
		if !t.evidence.Message.At.IsZero() {
			known[t.evidence.Message.Key] = t.evidence
		}
	}
	return nil
}
