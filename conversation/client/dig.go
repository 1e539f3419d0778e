package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/conversation/wire"
)

// A digger looks for messages wherever they may be.
type digger struct {
	Desk
	search int
}

// A ledger is what is known of a conversation's messages, by key. What was
// written last is read first, and stands.
type ledger map[string]Evidence

func (l ledger) add(e Evidence) {
	if _, known := l[e.Message.Key]; !known && e.Message.Key != "" {
		l[e.Message.Key] = e
	}
}

// read adds all messages of a state.
func (l ledger) read(s *wire.State, as Evidence) {
	for _, m := range Messages(s) {
		e := as
		e.Message = m
		if i := slices.IndexFunc(s.Parked, func(p wire.Parked) bool { return p.Message != nil && p.Message.Key == m.Key }); i >= 0 && as.Source == FromNow {
			p := s.Parked[i]
			e.Parked = &wire.ParkedMark{ID: p.ID, Code: p.Code, Reason: p.Reason, At: p.At}
		}
		l.add(e)
	}
}

// chain is a message with those that it repeats and those that repeat it,
// oldest first; empty if it is not known.
func (l ledger) chain(key string) []Evidence {
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
	var chain []Evidence
	for k, e := range l {
		if linked[k] {
			chain = append(chain, e)
		}
	}
	slices.SortFunc(chain, func(a, b Evidence) int { return numberOf(a.Message.Key) - numberOf(b.Message.Key) })
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
func (d digger) byKey(ctx context.Context, key, firstRun string) (Proof, error) {
	known := ledger{}
	var p Proof
	info, err := d.LastRun(ctx, key, firstRun, d.search)
	var walked walk
	switch {
	case err == nil:
		p.WorkflowID = info.GetExecution().GetWorkflowId()
		if walked, err = d.walk(ctx, info, key, known); err != nil {
			return Proof{}, err
		}
		p.Note = walked.note
	case !errors.Is(err, ErrGone):
		return Proof{}, err
	}
	id, err := d.complete(ctx, key, known)
	if err != nil {
		return Proof{}, err
	}
	if p.WorkflowID == "" {
		p.WorkflowID = id
	}
	if info != nil {
		if err := d.trace(ctx, p.WorkflowID, walked, key, known); err != nil {
			return Proof{}, err
		}
	}
	if p.Evidence = known.chain(key); len(p.Evidence) == 0 {
		return Proof{}, &NoTrace{Key: key, WorkflowID: info.GetExecution().GetWorkflowId(), LastKey: walked.lastKey, Note: walked.note}
	}
	with := d.Whose(ctx, p.WorkflowID)
	p.Number, p.Sender = with.Contact, with.Sender
	return p, nil
}

// A NoTrace error says where a message was looked for in vain, besides the archive.
type NoTrace struct {
	Key        string
	WorkflowID string // its conversation's; empty: nothing is left of that
	LastKey    int    // the last number that the conversation has given out
	Note       string // why there may be more than was seen
}

func (e *NoTrace) Error() string { return "there is no trace of the message " + e.Key }

// Number is that of the message in its conversation.
func (e *NoTrace) Number() int { return numberOf(e.Key) }

// A walk is what was seen of a conversation's runs.
type walk struct {
	runs    []Before // newest first
	lastKey int
	note    string
}

// walk reads what a conversation knows, and what it knew earlier, until the
// chain of the message is whole.
func (d digger) walk(ctx context.Context, info *workflowpb.WorkflowExecutionInfo, key string, known ledger) (walk, error) {
	var w walk
	id, run := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	now, err := d.Read(ctx, id, run)
	switch {
	case errors.Is(err, ErrNoWorker):
		w.note = err.Error() + "; what it knows now is not shown"
	case err != nil:
		return w, err
	default:
		known.read(&now.Conversation, Evidence{Source: FromNow})
		w.lastKey = now.Conversation.LastKey
	}
	if known.missing(key) == "" {
		return w, nil
	}
	return w, d.EachBefore(ctx, id, run, func(b Before) bool {
		w.runs = append(w.runs, b)
		if b.State == nil {
			return false
		}
		known.read(b.State, Evidence{Source: FromBefore, AsOf: b.At})
		w.lastKey = max(w.lastKey, b.State.LastKey)
		return known.missing(key) != ""
	})
}

// complete finds the rest of a chain in the archive, and returns whose it is. Who
// repeats a message is found among the last ones of its conversation.
func (d digger) complete(ctx context.Context, key string, known ledger) (workflowID string, err error) {
	for missing := known.missing(key); missing != ""; missing = known.missing(key) {
		r, found, err := d.Archived(ctx, missing)
		if err != nil {
			return "", err
		}
		if !found {
			break
		}
		m := r.Message
		m.Key = missing
		workflowID = r.Conversation
		known.add(Evidence{Source: FromArchive, AsOf: r.At, Message: m})
	}
	if workflowID == "" {
		return "", nil
	}
	records, err := d.Recent(ctx, workflowID, archiveReach)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		known.add(Evidence{Source: FromArchive, AsOf: r.At, Message: r.Message})
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
		if e.Source == FromBefore {
			i := slices.IndexFunc(w.runs, func(b Before) bool { return b.At.Equal(e.AsOf) })
			traces[i] = append(traces[i], newTrace(e, d.Converter))
		}
	}
	if missing := known.missing(key); missing != "" {
		i := slices.IndexFunc(w.runs, func(b Before) bool { return b.State == nil || b.State.LastKey < numberOf(missing) })
		traces[i] = append(traces[i], newTrace(Evidence{Source: FromHistory, Message: wire.Message{Key: missing}}, d.Converter))
	}
	var begun []*trace
	for i, b := range slices.Backward(w.runs) {
		begun = append(begun, traces[i]...)
		if len(begun) == 0 {
			continue
		}
		err := d.EachEvent(ctx, id, b.Run, func(event *historypb.HistoryEvent) {
			for _, t := range begun {
				t.take(b.Run, event)
			}
		})
		if err != nil && !IsNotFound(err) {
			return d.Explain("reading the history of "+id, err)
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
