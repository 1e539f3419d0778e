package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// checkInterval is between looks whether the script behind an open question still runs.
const checkInterval = 5 * time.Minute

// questions are those of scripts. One is open at a time, the others wait in order.
type questions struct {
	*run
	*wire.Dialogue
}

// asking is the question that is open or on its way; nil if there is none.
func (q *questions) asking() *wire.PendingQuestion {
	return q.find(func(x *wire.PendingQuestion) bool { return x.Key != "" })
}

// asked is the question whose text has this key; nil if there is none.
func (q *questions) asked(key string) *wire.PendingQuestion {
	return q.find(func(x *wire.PendingQuestion) bool { return x.Key != "" && x.Key == key })
}

func (q *questions) find(which func(*wire.PendingQuestion) bool) *wire.PendingQuestion {
	for i := range q.Questions {
		if which(&q.Questions[i]) {
			return &q.Questions[i]
		}
	}
	return nil
}

// onAsk puts a question in the queue. One that is known already changes
// nothing, or has its outcome repeated: scripts ask again when they hear nothing.
func (q *questions) onAsk(e wire.Envelope, a wire.Asked) error {
	if q.find(func(x *wire.PendingQuestion) bool { return x.ID == e.ID }) != nil || q.answers.pending(e.ID) {
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
	if i := slices.IndexFunc(q.Outcomes, func(o wire.Ended) bool { return o.ID == e.ID }); i >= 0 {
		q.answers.tell(a.Script, e.ID, q.Outcomes[i].Outcome.For(a.Knows), nil)
		return nil
	}
	q.touch()
	q.forgetOlderRuns(a.Script)
	asked := wire.PendingQuestion{
		ID: e.ID, Script: a.Script, Text: a.Text, Timeout: a.Timeout, UsefulUntil: a.UsefulUntil,
		Reference: a.Reference, InDoubt: a.InDoubt, AskedAt: q.now(), Trace: q.trace, Epoch: a.Epoch, Knows: a.Knows,
	}
	text := q.message(asked)
	switch r := q.outbox.admit(&text); {
	case r.never != "":
		q.refuse(asked, r)
	case len(q.Questions) >= maxQuestions:
		q.refuse(asked, ruling{why: fmt.Sprintf("%d questions wait to be asked already", maxQuestions)})
	default:
		q.Questions = append(q.Questions, asked)
	}
	return nil
}

func (q *questions) message(x wire.PendingQuestion) wire.Message {
	return wire.Message{
		From: x.Script.Type, Author: wire.ByScript, Text: x.Text, Reference: x.Reference, Useful: x.UsefulUntil, InDoubt: x.InDoubt, AskID: x.ID, Epoch: x.Epoch,
	}
}

// refuse ends a question that may not be asked.
func (q *questions) refuse(x wire.PendingQuestion, r ruling) {
	switch r.end {
	case wire.EndOptedOut:
		q.end(x, q.consent.outcome(), nil)
	case wire.EndTooLate, wire.EndTakenOver:
		q.end(x, wire.Outcome{Kind: r.end}, nil)
	default:
		q.end(x, wire.Outcome{Kind: wire.EndUndeliverable, Reason: r.why}, nil)
	}
}

// refused ends the question whose text has this key, as the gate says.
func (q *questions) refused(key string, r ruling) {
	if x := q.asked(key); x != nil && r.end != "" {
		q.refuse(*x, r)
	}
}

// forgetOlderRuns withdraws the questions of a script's earlier runs: the same
// appointment was started again, and nobody waits for the old answers.
func (q *questions) forgetOlderRuns(script wire.ScriptRef) {
	older := func(r wire.ScriptRef) bool { return r.WorkflowID == script.WorkflowID && r.RunID != script.RunID }
	q.withdraw(func(x wire.PendingQuestion) bool {
		if older(x.Script) {
			q.remember(x, wire.Outcome{Kind: wire.EndWithdrawn}) // should the old run ask once more
		}
		return older(x.Script)
	})
	if q.floor.heldBy(older) {
		q.floor.release()
	}
}

// withdraw ends questions that nobody wants answered any more.
func (q *questions) withdraw(which func(wire.PendingQuestion) bool) {
	for i, x := range slices.Backward(q.Questions) {
		if !which(x) {
			continue
		}
		q.Questions = slices.Delete(q.Questions, i, i+1)
		if x.Key != "" {
			q.outbox.takeBack(x.Key)
			q.held.takeBack(x.Key)
		}
	}
}

// onWithdraw is a script's own word. It is not remembered as an ending: a script
// that is reset to before it was cancelled asks again.
func (q *questions) onWithdraw(_ wire.Envelope, w wire.Withdrawn) error {
	q.withdraw(func(x wire.PendingQuestion) bool { return x.ID == w.AskID })
	q.floor.releaseBy(wire.Scripted(w.Script))
	return nil
}

// advance ends what has waited long enough, and asks the next question.
func (q *questions) advance() {
	q.expire()
	q.askNext()
	q.check()
}

// expire ends questions whose time is over.
func (q *questions) expire() {
	now := q.now()
	for _, x := range slices.Backward(q.Questions) {
		switch {
		case x.Open() && !now.Before(q.QuestionDeadline(&x)):
			q.end(x, wire.Outcome{Kind: wire.EndNoReply, Delivered: x.Delivered}, nil)
		case x.Key == "" && !x.UsefulUntil.IsZero() && !now.Before(x.UsefulUntil):
			q.end(x, wire.Outcome{Kind: wire.EndTooLate}, nil)
		}
	}
}

// askNext sends the next question: the floor holder's, or the one that waits longest
// of those that may leave now.
func (q *questions) askNext() {
	if q.asking() != nil || q.outbox.full() || !q.floor.taken() && !q.floor.free() {
		return
	}
	for i, x := range q.Questions {
		text := q.message(x)
		waits := q.gate.ask(&text)
		q.Questions[i].NotBefore, q.Questions[i].Why = waits.until, waits.why
		if !waits.until.IsZero() || q.floor.taken() && !q.floor.of(x.Script) {
			continue
		}
		q.trace = x.Trace
		key, r := q.outbox.offer(text)
		q.trace = ""
		if r.never != "" {
			q.refuse(x, r)
			q.moved = true // another one may be asked in its place
			return
		}
		x.Key, x.NotBefore, x.Why = key, time.Time{}, ""
		q.Questions = slices.Insert(slices.Delete(q.Questions, i, i+1), 0, x)
		q.floor.releaseBy(wire.Scripted(x.Script))
		return
	}
}

// postpone takes back the text of a question that was never sent, to be asked later,
// and reports whether there is such a question.
func (q *questions) postpone(key string, r ruling) bool {
	x := q.asked(key)
	if x != nil {
		x.Key, x.NotBefore, x.Why = "", r.until, r.why
	}
	return x != nil
}

// check looks from time to time whether the script behind the open question still
// runs, if others wait behind it: a terminated one cannot say so.
func (q *questions) check() {
	x := q.asking()
	if q.flying(flightCheck) || x == nil || !x.Open() || len(q.Questions) < 2 || q.now().Before(x.CheckedAt.Add(checkInterval)) {
		return
	}
	script := x.Script
	q.launch(flightCheck, q.answers.runs(script), func(f workflow.Future) { q.onChecked(script, f) })
}

func (q *questions) onChecked(script wire.ScriptRef, f workflow.Future) {
	var runs bool
	if err := f.Get(q.ctx, &runs); err != nil {
		runs = true // nobody could say: ask again later
	}
	for i := range q.Questions {
		if q.Questions[i].Script == script {
			q.Questions[i].CheckedAt = q.now()
		}
	}
	if !runs {
		q.withdraw(func(x wire.PendingQuestion) bool { return x.Script == script })
	}
}

func (q *questions) deadlines(at func(time.Time, string)) {
	for i := range q.Questions {
		x := &q.Questions[i]
		switch {
		case x.Open():
			at(q.QuestionDeadline(x), "question unanswered")
			if len(q.Questions) > 1 && !q.flying(flightCheck) {
				at(x.CheckedAt.Add(checkInterval), "does the script still run?")
			}
		case x.Key == "":
			at(x.NotBefore, "ask what had to wait")
			at(x.UsefulUntil, "question too late")
		}
	}
}

func (q *questions) busy() bool { return len(q.Questions) > 0 }

// otherThan reports whether a question of another script waits.
func (q *questions) otherThan(script wire.ScriptRef) bool {
	return slices.ContainsFunc(q.Questions, func(x wire.PendingQuestion) bool { return x.Script != script })
}

func (q *questions) silence(wire.OptOut) {
	for len(q.Questions) > 0 {
		q.end(q.Questions[0], q.consent.outcome(), nil)
	}
}

// leaving reports whether the carrier has a question and has not said yet that it took it.
func (q *questions) leaving() bool {
	x := q.asking()
	return x != nil && !x.Open() && q.outbox.leaving(x.Key)
}

// arriving reports whether a question is on its way to the contact.
func (q *questions) arriving() bool {
	x := q.asking()
	return x != nil && !x.Open() && !q.held.waiting(x.Key)
}

// answeredBy gives a text to the open question, and reports whether it answers that.
func (q *questions) answeredBy(t wire.Text) bool {
	x := q.asking()
	if x == nil || !x.Open() || t.Kind != sms.KindText || !t.AcceptedAt.After(x.AcceptedAt) {
		return false
	}
	q.end(*x, wire.Outcome{Kind: wire.EndAnswered, Text: t.Text, MessageID: t.ID, AcceptedAt: t.AcceptedAt}, &t)
	return true
}

// left opens a question once the carrier took it, or ends it.
func (q *questions) left(m wire.Message) {
	x := q.asked(m.Key)
	if x == nil {
		return
	}
	switch m.Status {
	case sms.StatusExpired:
		q.end(*x, wire.Outcome{Kind: wire.EndTooLate}, nil)
	case sms.StatusFailed, sms.StatusUnknown, sms.StatusDropped:
		q.end(*x, wire.Outcome{Kind: wire.EndUndeliverable, Reason: m.Reason}, nil)
	default:
		x.AcceptedAt, x.OpenSince, x.CheckedAt = m.Accepted, q.now(), q.now()
		x.Delivered = delivery(m.Status)
	}
}

// reported takes note of a receipt for the open question.
func (q *questions) reported(m wire.Message) {
	x := q.asked(m.Key)
	if x == nil {
		return
	}
	x.Delivered = delivery(m.Status)
	if m.Status == sms.StatusFailed { // and it is not sent again
		q.end(*x, wire.Outcome{Kind: wire.EndUndeliverable, Reason: m.Reason}, nil)
	}
}

// arrived notes that the contact has a question's text, whichever of those that
// repeat it.
func (q *questions) arrived(chain []string, m wire.Message) {
	x := q.find(func(x *wire.PendingQuestion) bool { return x.Key != "" && slices.Contains(chain, x.Key) })
	if x == nil {
		return
	}
	x.Key, x.Delivered = m.Key, wire.Delivered
	if !x.Open() {
		q.left(m)
	}
}

// mayWait reports whether a question that did not arrive can be sent once more at a
// time, before it ends.
func (q *questions) mayWait(key string, until time.Time) bool {
	x := q.asked(key)
	return x != nil && (!x.Open() || until.Before(q.QuestionDeadline(x)))
}

// resent has a question wait for the text that repeats it. The contact has not
// seen it yet, so texts are no answers to it.
func (q *questions) resent(key, again string) {
	x := q.asked(key)
	x.Key, x.AcceptedAt, x.OpenSince = again, time.Time{}, time.Time{}
}

// answered reports whether a question ended with an answer.
func (q *questions) answered(id string) bool {
	return slices.ContainsFunc(q.Outcomes, func(o wire.Ended) bool { return o.ID == id && o.Outcome.Kind == wire.EndAnswered })
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

// end removes a question and tells its script how it ended.
func (q *questions) end(x wire.PendingQuestion, o wire.Outcome, text *wire.Text) {
	q.Questions = slices.DeleteFunc(q.Questions, func(y wire.PendingQuestion) bool { return y.ID == x.ID })
	q.remember(x, o)
	q.answers.tell(x.Script, x.ID, o.For(x.Knows), text)
}

func (q *questions) remember(x wire.PendingQuestion, o wire.Outcome) {
	if len(q.Outcomes) >= maxOutcomes {
		q.Outcomes = q.Outcomes[1:]
		q.Evicted++
	}
	q.Outcomes = append(q.Outcomes, wire.Ended{ID: x.ID, Script: x.Script, Outcome: o})
	size := 0
	for i, kept := range slices.Backward(q.Outcomes) {
		if size += len(kept.Outcome.Text); size > maxOutcomeBytes && i < len(q.Outcomes)-1 {
			q.Evicted += i + 1
			q.Outcomes = slices.Clone(q.Outcomes[i+1:])
			break
		}
	}
}
