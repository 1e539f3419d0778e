package engine

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// answering is an outcome on its way to a script.
type answering struct {
	script  wire.ScriptRef
	id      string // of what it asked
	outcome wire.Outcome
	text    *wire.Text // used up by the answer, unless the script turns out to be gone
	step    step
}

// A step on the way of an outcome to a script. The run that asked is signalled
// first: another run of the same id would swallow the contact's words. Only if
// that run is closed, it is asked whether the script goes on in another run, as
// after a reset.
type step int

const (
	toTheRun step = iota
	doesItRun
	toItsSuccessor
)

// asking is the question that is open or on its way; nil if none is.
func (c *conversation) asking() *wire.PendingQuestion {
	i := slices.IndexFunc(c.state.Questions, func(q wire.PendingQuestion) bool { return q.Key != "" })
	if i < 0 {
		return nil
	}
	return &c.state.Questions[i]
}

// offering reports whether a text is on its way to a script as its answer.
func (c *conversation) offering() bool {
	return slices.ContainsFunc(c.answering, func(a *answering) bool { return a.text != nil })
}

// onAsk puts a question in the queue. One that is known already changes
// nothing, or has its outcome repeated: scripts ask again when they hear nothing.
func (c *conversation) onAsk(e wire.Envelope, a wire.Asked) error {
	s := c.state
	if slices.ContainsFunc(s.Questions, func(q wire.PendingQuestion) bool { return q.ID == e.ID }) ||
		slices.ContainsFunc(c.answering, func(a *answering) bool { return a.id == e.ID }) {
		return nil
	}
	if err := a.Script.Check(); err != nil {
		return err
	}
	if a.InDoubt != "" && a.InDoubt != wire.Resend && a.InDoubt != wire.Park {
		return errors.New(`ask event whose "in_doubt" is neither "resend" nor "park"`)
	}
	a.Reference = wire.Cut(a.Reference, wire.MaxIDBytes)
	if a.Timeout <= 0 {
		a.Timeout = wire.DefaultTimeout
	}
	q := wire.PendingQuestion{
		ID: e.ID, Script: a.Script, Text: a.Text, Timeout: a.Timeout, UsefulUntil: a.UsefulUntil,
		Reference: a.Reference, InDoubt: a.InDoubt, AskedAt: c.now(), Trace: c.trace,
	}
	if i := slices.IndexFunc(s.Outcomes, func(o wire.Ended) bool { return o.ID == e.ID }); i >= 0 {
		c.tell(q.Script, q.ID, s.Outcomes[i].Outcome, nil)
		return nil
	}
	c.touch()
	c.forgetOlderRuns(a.Script)
	switch why := c.refusal(a.Text); {
	case s.OptedOut != nil:
		c.end(q, wire.Outcome{Kind: wire.EndOptedOut, Text: s.OptedOut.Text, MessageID: s.OptedOut.MessageID}, nil)
	case !q.UsefulUntil.IsZero() && !c.now().Before(q.UsefulUntil):
		c.end(q, wire.Outcome{Kind: wire.EndTooLate}, nil)
	case why != "":
		c.end(q, wire.Outcome{Kind: wire.EndUndeliverable, Reason: why}, nil)
	case len(s.Questions) >= maxQuestions:
		c.end(q, wire.Outcome{Kind: wire.EndUndeliverable, Reason: fmt.Sprintf("%d questions wait to be asked already", maxQuestions)}, nil)
	default:
		s.Questions = append(s.Questions, q)
	}
	return nil
}

// forgetOlderRuns withdraws the questions of a script's earlier runs: the same
// appointment was started again, and nobody waits for the old answers.
func (c *conversation) forgetOlderRuns(script wire.ScriptRef) {
	older := func(r wire.ScriptRef) bool { return r.WorkflowID == script.WorkflowID && r.RunID != script.RunID }
	c.withdraw(func(q wire.PendingQuestion) bool {
		if older(q.Script) {
			c.remember(q, wire.Outcome{Kind: wire.EndWithdrawn}) // should the old run ask once more
		}
		return older(q.Script)
	})
	if older(c.state.Floor.Holder) {
		c.state.Floor = wire.Floor{}
	}
}

// withdraw ends questions that nobody wants answered any more.
func (c *conversation) withdraw(which func(wire.PendingQuestion) bool) {
	s := c.state
	for i, q := range slices.Backward(s.Questions) {
		if !which(q) {
			continue
		}
		s.Questions = slices.Delete(s.Questions, i, i+1)
		if c.sending != nil && c.sending.key == q.Key {
			c.sending.cancel()
		}
		ours := func(m wire.Message) bool { return q.Key != "" && m.Key == q.Key }
		if j := slices.IndexFunc(s.Outbox, ours); j >= 0 {
			s.Outbox[j].Delivery.TakenBack = true
		}
		if j := slices.IndexFunc(s.Resends, ours); j >= 0 {
			c.dropResend(j, sms.StatusDropped, reasonTakenBack)
		}
	}
}

// onWithdraw is a script's own word. It is not remembered as an ending: a script
// that is reset to before it was cancelled asks again.
func (c *conversation) onWithdraw(_ wire.Envelope, w wire.Withdrawn) error {
	c.withdraw(func(q wire.PendingQuestion) bool { return q.ID == w.AskID })
	if c.state.Floor.Holder == w.Script {
		c.state.Floor = wire.Floor{}
	}
	return nil
}

// onSay sends a script's message, or keeps it until the floor is free.
func (c *conversation) onSay(e wire.Envelope, m wire.Said) error {
	if err := m.Script.Check(); err != nil {
		return err
	}
	m.Reference = wire.Cut(m.Reference, wire.MaxIDBytes)
	if c.seen(e.ID) {
		return nil
	}
	c.touch()
	if m.InDoubt != "" && m.InDoubt != wire.Resend && m.InDoubt != wire.Park {
		return errors.New(`say event whose "in_doubt" is neither "resend" nor "park"`)
	}
	why := c.refusal(m.Text)
	if why == "" && len(c.state.Says) >= maxSays {
		why = "too many messages of scripts wait"
	}
	if why != "" {
		if c.state.OptedOut == nil {
			c.raise(wire.CauseScript, "a script's message could not be sent: "+why)
		}
		c.dropSay(wire.Say{ID: e.ID, Said: m}, why)
		return nil
	}
	c.state.Says = append(c.state.Says, wire.Say{ID: e.ID, Trace: c.trace, Said: m})
	return nil
}

// dropSay records a script's message that is not sent.
func (c *conversation) dropSay(m wire.Say, why string) {
	s := c.state
	s.LastDropped++ // a count of its own: the keys of what is sent stay what they were
	message := wire.Message{
		Key: s.FirstRunID + "-d" + strconv.Itoa(s.LastDropped), From: m.Script.Type, Kind: sms.KindText,
		Text: wire.Cut(m.Text, maxTextBytes), Reference: m.Reference, SayID: m.ID, At: c.now(),
	}
	c.change(&message, sms.StatusDropped, why, c.now())
	c.record(message)
}

// releaseSays sends the messages of scripts that have waited for the floor.
func (c *conversation) releaseSays() {
	s := c.state
	s.Says = slices.DeleteFunc(s.Says, func(m wire.Say) bool {
		holds := s.Floor.Holder == m.Script
		if !holds && !c.floorFree() || len(s.Outbox) >= maxOutbox {
			return false
		}
		if !c.scriptMayText() {
			c.raise(wire.CauseLoop, c.tooMany())
			c.dropSay(m, c.tooMany())
			return true
		}
		c.trace = m.Trace
		c.enqueue(wire.Message{From: m.Script.Type, Text: m.Text, Reference: m.Reference, Useful: m.UsefulUntil, InDoubt: m.InDoubt, SayID: m.ID})
		c.trace = ""
		if holds {
			s.Floor = wire.Floor{} // it said something that asks nothing
		}
		return true
	})
}

// floorFree reports whether neither a script that was just answered nor the
// responder is about to speak.
func (c *conversation) floorFree() bool {
	t := c.state.Turn
	responding := t != nil && (c.flying(flightThink) || t.ReplyKey != "" || t.Start != nil)
	return c.state.Floor.Holder.WorkflowID == "" && !responding && !c.offering()
}

// somebodyWaits reports whether the floor's holder keeps anybody waiting.
func (c *conversation) somebodyWaits() bool {
	s := c.state
	return len(s.Redo)+len(s.Backlog) > 0 || s.Turn != nil || len(s.Says) > 0 ||
		slices.ContainsFunc(s.Questions, func(q wire.PendingQuestion) bool { return q.Script != s.Floor.Holder })
}

func (c *conversation) freeSilentFloor() {
	f := &c.state.Floor
	if f.Holder.WorkflowID != "" && c.somebodyWaits() && !c.now().Before(f.Since.Add(floorSilence)) {
		*f = wire.Floor{}
	}
}

// askNext sends the next question: the floor holder's, or the one that waits longest.
func (c *conversation) askNext() {
	s := c.state
	if c.asking() != nil || len(s.Questions) == 0 || len(s.Outbox) >= maxOutbox {
		return
	}
	next := 0
	if s.Floor.Holder.WorkflowID != "" {
		next = slices.IndexFunc(s.Questions, func(q wire.PendingQuestion) bool { return q.Script == s.Floor.Holder })
		if next < 0 {
			return
		}
	} else if !c.floorFree() {
		return
	}
	q := s.Questions[next]
	if !c.scriptMayText() {
		c.raise(wire.CauseLoop, c.tooMany())
		c.end(q, wire.Outcome{Kind: wire.EndUndeliverable, Reason: c.tooMany()}, nil)
		return
	}
	s.Questions = slices.Insert(slices.Delete(s.Questions, next, next+1), 0, q)
	c.trace = q.Trace
	s.Questions[0].Key = c.enqueue(wire.Message{From: q.Script.Type, Text: q.Text, Reference: q.Reference, Useful: q.UsefulUntil, InDoubt: q.InDoubt, AskID: q.ID})
	c.trace = ""
	s.Floor = wire.Floor{}
}

// questionLeft opens a question once the carrier took it, or ends it.
func (c *conversation) questionLeft(m wire.Message) {
	i := slices.IndexFunc(c.state.Questions, func(q wire.PendingQuestion) bool { return q.Key == m.Key && m.Key != "" })
	if i < 0 {
		return
	}
	q := &c.state.Questions[i]
	switch m.Status {
	case sms.StatusExpired:
		c.end(*q, wire.Outcome{Kind: wire.EndTooLate}, nil)
	case sms.StatusFailed, sms.StatusUnknown, sms.StatusDropped:
		c.end(*q, wire.Outcome{Kind: wire.EndUndeliverable, Reason: m.Reason}, nil)
	default:
		q.AcceptedAt, q.OpenSince, q.CheckedAt = m.Accepted, c.now(), c.now()
		q.Delivered = delivery(m.Status)
	}
}

// questionReported takes note of a receipt for the open question.
func (c *conversation) questionReported(m wire.Message) {
	i := slices.IndexFunc(c.state.Questions, func(q wire.PendingQuestion) bool { return q.Key == m.Key })
	if i < 0 {
		return
	}
	q := &c.state.Questions[i]
	q.Delivered = delivery(m.Status)
	if m.Status == sms.StatusFailed { // and it is not sent again
		c.end(*q, wire.Outcome{Kind: wire.EndUndeliverable, Reason: m.Reason}, nil)
	}
}

func delivery(s sms.Status) wire.Delivery {
	switch s {
	case sms.StatusDelivered, sms.StatusRead:
		return wire.Delivered
	case sms.StatusFailed:
		return wire.NotDelivered
	default:
		return wire.DeliveryUnknown
	}
}

// expireQuestions ends questions whose time is over.
func (c *conversation) expireQuestions() {
	now := c.now()
	for _, q := range slices.Backward(c.state.Questions) {
		switch {
		case q.Open() && !now.Before(c.state.QuestionDeadline(&q)):
			c.end(q, wire.Outcome{Kind: wire.EndNoReply, Delivered: q.Delivered}, nil)
		case q.Key == "" && !q.UsefulUntil.IsZero() && !now.Before(q.UsefulUntil):
			c.end(q, wire.Outcome{Kind: wire.EndTooLate}, nil)
		}
	}
}

// end removes a question and tells its script how it ended.
func (c *conversation) end(q wire.PendingQuestion, o wire.Outcome, text *wire.Text) {
	c.state.Questions = slices.DeleteFunc(c.state.Questions, func(x wire.PendingQuestion) bool { return x.ID == q.ID })
	c.remember(q, o)
	c.tell(q.Script, q.ID, o, text)
}

func (c *conversation) remember(q wire.PendingQuestion, o wire.Outcome) {
	s := c.state
	if len(s.Outcomes) >= maxOutcomes {
		s.Outcomes = s.Outcomes[1:]
		s.Evicted++
	}
	s.Outcomes = append(s.Outcomes, wire.Ended{ID: q.ID, Script: q.Script, Outcome: o})
	size := 0
	for i, kept := range slices.Backward(s.Outcomes) {
		if size += len(kept.Outcome.Text); size > maxOutcomeBytes && i < len(s.Outcomes)-1 {
			s.Evicted += i + 1
			s.Outcomes = slices.Clone(s.Outcomes[i+1:])
			break
		}
	}
}

// tell signals an outcome to the script's run.
func (c *conversation) tell(script wire.ScriptRef, id string, o wire.Outcome, text *wire.Text) {
	o.Schema = wire.OutcomeSchema
	if text != nil {
		o.Trace = text.Trace
	}
	a := &answering{script: script, id: id, outcome: o, text: text}
	c.answer(a, c.signal(a, script.RunID))
}

// answer waits for the next step on the way of an outcome.
func (c *conversation) answer(a *answering, step workflow.Future) {
	c.answering = append(c.answering, a)
	c.launch(flightAnswer, step, func(f workflow.Future) {
		c.answering = slices.DeleteFunc(c.answering, func(x *answering) bool { return x == a })
		c.onAnswered(a, f)
	})
}

func (c *conversation) signal(a *answering, runID string) workflow.Future {
	if uuid.Validate(runID) != nil {
		runID = "" // written by hand: the server would fail our task for ever
	}
	return workflow.SignalExternalWorkflow(c.ctx, a.script.WorkflowID, runID, wire.AnswerSignal+a.id, a.outcome)
}

// onAnswered gives the floor to the script that was answered. If the script is
// gone, the contact's text is not used up.
func (c *conversation) onAnswered(a *answering, f workflow.Future) {
	var runs bool
	switch {
	case a.step == toTheRun && f.Get(c.ctx, nil) != nil:
		a.step = doesItRun
		c.answer(a, c.scriptRuns(a.script))
		return
	case a.step == doesItRun && f.Get(c.ctx, &runs) == nil && runs:
		a.step = toItsSuccessor
		c.answer(a, c.signal(a, ""))
		return
	case a.step != doesItRun && f.Get(c.ctx, nil) == nil:
		if a.text != nil {
			c.count(metricHandled, "by", byScript)
		}
		if a.text != nil && c.state.OptedOut == nil {
			c.state.Floor = wire.Floor{Holder: a.script, Since: c.now()}
		}
		return
	}
	c.withdraw(func(q wire.PendingQuestion) bool { return q.Script == a.script })
	if a.text != nil && c.state.OptedOut == nil {
		c.state.Inbox = slices.Insert(c.state.Inbox, 0, *a.text)
	}
}

// scriptRuns asks the server whether a script still runs.
func (c *conversation) scriptRuns(script wire.ScriptRef) workflow.Future {
	ctx := workflow.WithActivityOptions(c.ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
		Summary:             "does the script still run?",
	})
	return workflow.ExecuteActivity(ctx, wire.ScriptRunsActivity, script)
}

// checkHolder looks from time to time whether the script behind the open
// question still runs, if others wait behind it: a terminated one cannot say so.
func (c *conversation) checkHolder() {
	q := c.asking()
	if c.flying(flightCheck) || q == nil || !q.Open() || len(c.state.Questions) < 2 || c.now().Before(q.CheckedAt.Add(checkInterval)) {
		return
	}
	script := q.Script
	c.launch(flightCheck, c.scriptRuns(script), func(f workflow.Future) { c.onChecked(script, f) })
}

func (c *conversation) onChecked(script wire.ScriptRef, f workflow.Future) {
	var runs bool
	if err := f.Get(c.ctx, &runs); err != nil {
		runs = true // nobody could say: ask again later
	}
	for i := range c.state.Questions {
		if c.state.Questions[i].Script == script {
			c.state.Questions[i].CheckedAt = c.now()
		}
	}
	if !runs {
		c.withdraw(func(q wire.PendingQuestion) bool { return q.Script == script })
	}
}
