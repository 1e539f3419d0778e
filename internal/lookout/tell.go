package lookout

import (
	"context"
	"errors"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

// trouble is what is wrong with a run of a script.
type trouble struct {
	run   *workflowpb.WorkflowExecutionInfo
	what  string // for the id
	kind  string // goes on behind the script's type, and has nothing of a person
	words string // may have
	over  bool
	quiet bool // it has said so itself; the log has it, if a conversation does
}

// end is how a run ended that tells of itself no more.
func (l *Lookout) end(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (t trouble, is bool) {
	t = trouble{run: info, over: true}
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED: // maybe before it ran any code of ours
		kind, words, failed := l.Desk.Failed(ctx, info.GetExecution())
		t.what, t.kind, t.words, t.quiet = wire.TroubleFailed, "failed ("+kind+")", words, true
		return t, failed
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		t.what, t.kind = "terminated", "was terminated"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		t.what, t.kind = "timed-out", "ran out of time"
	default:
		return t, false
	}
	return t, true
}

// tell brings a trouble to the conversation, and to the log. Not ok: it is to be
// tried again. A script that is over starts no conversation, so that none begins
// again with a contact who was erased.
func (l *Lookout) tell(ctx context.Context, t trouble) (ok bool) {
	run := t.run.GetExecution()
	contact, sender, err := l.Desk.Meant(ctx, run)
	if err != nil {
		return conversations.IsNotFound(err)
	}
	log := l.Log.With("script", t.run.GetType().GetName(), "contact", l.Desk.IDs.Tag(contact), "workflow", run.GetWorkflowId(), "reason", t.kind)
	if contact == "" {
		log.Error("A script is in trouble, and its input names no contact whose conversation could be told")
		return true
	}
	reason := t.kind
	if t.words != "" {
		reason += ": " + wire.Cut(t.words, wire.MaxIDBytes)
	}
	e, err := wire.TroubleEvent(run.GetRunId(), t.what, wire.Trouble{Script: refOf(t.run), Reason: reason, Over: t.over}, time.Now())
	if err != nil {
		return true
	}
	if t.over {
		err = l.Desk.TellRunning(ctx, contact, l.sender(sender), e)
	} else {
		err = l.Desk.Tell(ctx, contact, l.sender(sender), e)
	}
	switch {
	case errors.Is(err, conversations.ErrClosed):
		log.Error("A script is in trouble, and no conversation runs that could be told")
	case err != nil:
		return false
	case !t.quiet:
		log.Error("A script is in trouble, and its conversation asks for a person")
	}
	return true
}

// sender is which of a contact's conversations a script talks to.
func (l *Lookout) sender(address sms.Sender) sms.Sender {
	if l.Sender == nil {
		return address
	}
	return l.Sender(address)
}

func refOf(info *workflowpb.WorkflowExecutionInfo) wire.ScriptRef {
	return wire.ScriptRef{
		Type: info.GetType().GetName(), WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), FirstRunID: info.GetFirstRunId(),
	}
}

// passed takes concerns back whose scripts go on, or have ended as they should.
func (l *Lookout) passed(ctx context.Context) {
	// Without search attributes there is nothing to find them by, and a person does it.
	_ = l.Desk.EachAffected(ctx, told, func(a conversations.Affected) {
		for _, script := range a.Scripts {
			stands, info := l.Desk.StandingOf(ctx, script.WorkflowID)
			if stands == conversations.Troubled {
				continue
			}
			what := "passed-" + itoa(info.GetHistoryLength())
			id := what + ":" + info.GetExecution().GetRunId()
			if !l.new(id) {
				continue // lists are late
			}
			e, err := wire.TroubleEvent(info.GetExecution().GetRunId(), what, wire.Trouble{Script: refOf(info), Settled: true}, time.Now())
			if err != nil {
				continue
			}
			if err := l.Desk.TellRunning(ctx, a.Number, a.Sender, e); err != nil {
				l.again(id)
				continue
			}
			l.again("stuck:" + info.GetExecution().GetRunId()) // should it happen again
			l.Log.Info("A script is in trouble no more", "script", info.GetType().GetName(), "contact", l.Desk.IDs.Tag(a.Number), "workflow", script.WorkflowID, "how", string(stands))
		}
	})
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
