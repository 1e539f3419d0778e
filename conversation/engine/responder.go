package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
	"parley/sms"
)

const (
	longestTurn    = 30 * time.Minute // of a responder that is a workflow
	turnTranscript = 20               // messages that the responder is shown
	mostPatience   = 5 * time.Minute  // between two tries of a responder that cannot be reached
)

// responder has texts answered that no script waits for.
type responder struct {
	*run
	*wire.Responses
	port Responder
}

// advance lets the responder work on the texts that wait for it, one after
// the other, as far as the floor is free for it.
func (r *responder) advance() {
	if r.flying(flightThink) || r.flying(flightStart) {
		return
	}
	if r.Turn == nil && !r.nextTurn() {
		return
	}
	switch {
	case r.Turn.Start != nil:
		r.startScript()
	case r.Turn.Worker != nil:
		if !r.now().Before(r.Turn.NextTry) {
			r.checkWorker()
		}
	case r.Turn.ReplyKey != "" || r.now().Before(r.Turn.NextTry) || !r.mayThink():
	default:
		r.ask()
	}
}

func (r *responder) deadlines(at func(time.Time, string)) {
	if r.Turn != nil && !r.flying(flightThink) && r.Turn.ReplyKey == "" {
		at(r.Turn.NextTry, "ask the responder again")
	}
}

func (r *responder) busy() bool { return r.Turn != nil || len(r.Redo)+len(r.Backlog) > 0 }

// silence: what is in flight ends the turn.
func (r *responder) silence(wire.OptOut) {
	r.countMany(len(r.Backlog), metricHandled, "by", byNobody)
	r.Backlog, r.Redo = nil, nil
	switch {
	case r.Turn == nil:
	case r.flying(flightThink) || r.flying(flightStart):
		r.Turn.Void = true
	default:
		r.countMany(len(r.Turn.Texts), metricHandled, "by", byNobody)
		r.Turn = nil
	}
}

// wait takes a text that no script waits for.
func (r *responder) wait(t wire.Text) { r.Backlog = r.bounded(append(r.Backlog, t), maxBacklog) }

// redo takes up a turn that was parked, before newer texts.
func (r *responder) redo(t wire.Turn) {
	r.Redo = append(r.Redo, wire.Turn{ID: t.ID, Texts: t.Texts, Start: t.Start})
}

// left ends a turn whose reply was sent.
func (r *responder) left(m wire.Message) {
	if r.Turn == nil || r.Turn.ReplyKey != m.Key {
		return
	}
	r.Turn.ReplyKey = ""
	if !m.Accepted.IsZero() {
		r.replied(r.Turn.Texts[0].At)
	}
	r.end()
}

// nextTurn takes up what waits longest, and reports whether there is anything.
func (r *responder) nextTurn() bool {
	if len(r.Redo)+len(r.Backlog) == 0 || !r.mayThink() || !r.archive.recalled() {
		return false
	}
	for len(r.Redo) == 0 && len(r.Backlog) > 0 {
		crowd := tooMany(r.gate, &wire.Message{Author: wire.ByResponder})
		if crowd.goes() {
			break
		}
		r.desk.park(wire.Parked{Code: wire.ParkedLoop, Reason: crowd.why, Turn: &wire.Turn{ID: r.Backlog[0].ID, Texts: []wire.Text{r.Backlog[0]}}})
		r.Backlog = r.Backlog[1:]
	}
	switch {
	case len(r.Redo) > 0:
		r.Turn = &r.Redo[0]
		r.Redo = r.Redo[1:]
	case len(r.Backlog) > 0:
		r.Turn = &wire.Turn{ID: r.Backlog[0].ID, Texts: []wire.Text{r.Backlog[0]}}
		r.Backlog = r.Backlog[1:]
	}
	return r.Turn != nil
}

// mayThink reports whether the responder may speak: nobody holds the floor and no
// question is on its way.
func (r *responder) mayThink() bool {
	return !r.floor.taken() && !r.answers.offering() && !r.questions.arriving()
}

func (r *responder) ask() {
	t := r.Turn
	if t.Tries > 0 && len(r.Backlog) > 0 {
		// Texts that arrived meanwhile join this try; it is then another turn than
		// the one that failed, and must not get that one's answer.
		n := min(len(r.Backlog), maxTurnTexts-len(t.Texts))
		if n > 0 {
			t.Texts = append(t.Texts, r.Backlog[:n]...)
			r.Backlog = r.Backlog[n:]
			t.ID = t.Texts[len(t.Texts)-1].ID
		}
	}
	t.Epoch = r.floor.epoch()
	r.floor.give(wire.Speaker{Kind: wire.ByResponder}, time.Time{})
	r.launch(flightThink, r.port.StartTurn(wire.Traced(r.ctx, t.Trace()), r.turnFor(t)), r.onDecided)
}

func (r *responder) turnFor(t *wire.Turn) activities.Turn {
	last := t.Texts[len(t.Texts)-1]
	turn := activities.Turn{
		ID: t.ID, From: r.Contact, Sender: r.Sender, Kind: last.Kind, MessageID: last.ID,
		ConversationID: last.ConversationID, Time: last.AcceptedAt, Reference: last.Reference, Transcript: []wire.Line{},
	}
	if turn.Sender == "" {
		turn.Sender = last.To
	}
	mine := map[string]bool{}
	var words []string
	for _, text := range t.Texts {
		mine[text.ID] = true
		words = append(words, text.Text)
		if text.Kind == sms.KindText {
			turn.Kind = sms.KindText
		}
	}
	turn.Text = strings.Join(words, "\n")
	turn.Transcript = append(turn.Transcript, r.archive.before()...)
	for _, m := range r.transcript.messages() {
		if m.Key == "" && mine[m.MessageID] || m.Status == sms.StatusDropped || m.Status == sms.StatusExpired {
			continue
		}
		turn.Transcript = append(turn.Transcript, wire.Line{From: m.From, Author: m.Author, Text: m.Text, Time: m.At})
	}
	if extra := len(turn.Transcript) - turnTranscript; extra > 0 {
		turn.Transcript = turn.Transcript[extra:]
	}
	return turn
}

// onDecided obeys the responder, or waits for the workflow that works on the turn.
func (r *responder) onDecided(f workflow.Future) {
	t := r.Turn
	decision, worker, err := r.port.Result(r.ctx, f)
	switch {
	case t.Void:
		r.countMany(len(t.Texts), metricHandled, "by", byNobody)
		r.drop()
	case err != nil:
		r.retryTurn(t, err)
	case worker != nil:
		t.Worker, t.Begun, t.NextTry = worker, r.now(), r.now().Add(checkInterval)
		// Others need not wait for minutes.
		r.floor.give(wire.Speaker{Kind: wire.ByResponder}, r.now().Add(activities.ResponderTimeout))
	default:
		r.obey(decision)
	}
}

// onDecide takes the decision of a workflow that worked on the turn.
func (r *responder) onDecide(_ wire.Envelope, d wire.Decided) error {
	t := r.Turn
	if t == nil || t.ID != d.Turn || t.Worker == nil || r.flying(flightStart) {
		return errors.New("decide event about a turn that is over")
	}
	t.Worker = nil
	r.touch()
	if t.Void {
		r.drop()
	} else {
		r.obey(d.Decision)
	}
	return nil
}

// checkWorker looks from time to time whether the workflow that works on the turn
// still runs, and waits for it only so long.
func (r *responder) checkWorker() {
	r.launch(flightThink, r.answers.runs(*r.Turn.Worker), func(f workflow.Future) {
		t := r.Turn
		var runs bool
		switch err := f.Get(r.ctx, &runs); {
		case t == nil || t.Worker == nil: // it has decided
		case t.Void:
			r.drop()
		case err == nil && !runs, !r.now().Before(t.Begun.Add(longestTurn)):
			t.Worker = nil
			r.retryTurn(t, temporal.NewApplicationError("the responder's workflow did not decide", activities.ErrTypeUnreachable))
		default:
			t.NextTry = r.now().Add(checkInterval)
		}
	})
}

// obey does what was decided.
func (r *responder) obey(d wire.Decision) {
	t := r.Turn
	if d.OptOut {
		r.consent.decided(t.Texts[len(t.Texts)-1].Inbound) // which ends the turn
		return
	}
	reply := wire.Message{From: wire.FromResponder, Author: wire.ByResponder, Text: d.Reply, Reference: t.Texts[0].Reference, Epoch: t.Epoch}
	if why := r.nonsense(d, &reply); why != "" {
		r.retryTurn(t, temporal.NewApplicationError(why, activities.ErrTypeBadAnswer))
		return
	}
	t.NextTry, t.Start = time.Time{}, d.Start
	if d.HandOver != "" {
		r.desk.park(wire.Parked{Code: wire.ParkedHandedOver, Reason: "the responder hands over: " + d.HandOver, Turn: &wire.Turn{ID: t.ID, Texts: t.Texts}})
	}
	if d.Reply != "" {
		r.trace = t.Trace()
		key, ruling := r.outbox.offer(reply)
		r.trace = ""
		if ruling.never != "" {
			r.transcript.dropped(reply, ruling.why)
		}
		if ruling.goes() { // else it leaves in its time, and nobody waits for that
			t.ReplyKey = key
		}
	}
	r.end()
}

// postponed ends a turn whose reply has to wait.
func (r *responder) postponed(key string) {
	if r.Turn != nil && r.Turn.ReplyKey == key {
		r.Turn.ReplyKey = ""
		r.end()
	}
}

// nonsense is what is wrong with a decision; empty if it can be obeyed.
func (r *responder) nonsense(d wire.Decision, reply *wire.Message) string {
	if d.Start != nil && len(d.Start.Input) > maxInputBytes {
		return fmt.Sprintf("the responder's input of a script is larger than %d bytes", maxInputBytes)
	}
	if r := unfit(r.gate, reply); d.Reply != "" && !r.goes() {
		return "the responder's reply cannot be sent: " + r.why
	}
	return ""
}

// retryTurn lets a turn wait for its next try, or parks it. A bad answer is
// unlikely to become better; a responder that cannot be reached comes back.
func (r *responder) retryTurn(t *wire.Turn, err error) {
	now := r.now()
	if t.Since.IsZero() {
		t.Since = now
	}
	waits, code := r.Settings.ResponderTries, wire.ParkedUnreachable
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	if ok && app.Type() == activities.ErrTypeBadAnswer {
		code = wire.ParkedBadAnswer
		t.Bad++
	}
	wait := mostPatience
	switch {
	case t.Tries < len(waits):
		wait = waits[t.Tries]
	case t.Bad > len(waits) || code == wire.ParkedUnreachable && !now.Before(t.Since.Add(r.Settings.Patience)):
		r.desk.park(wire.Parked{Code: code, Reason: plain(err), Turn: &wire.Turn{ID: t.ID, Texts: t.Texts}})
		r.drop()
		return
	case len(waits) > 0:
		wait = min(wait, waits[len(waits)-1]<<min(t.Tries-len(waits), 16))
	}
	t.NextTry = now.Add(wait)
	t.Tries++
	r.floor.releaseBy(wire.Speaker{Kind: wire.ByResponder})
}

func (r *responder) startScript() {
	t := r.Turn
	if !r.floor.taken() { // else the responder has it, or a person took over
		r.floor.give(wire.Speaker{Kind: wire.ByResponder}, time.Time{})
	}
	ctx := workflow.WithActivityOptions(r.ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 5},
		Summary:             "start " + t.Start.Script,
	})
	r.launch(flightStart, workflow.ExecuteActivity(ctx, wire.StartScriptActivity, startInput{Script: t.Start.Script, MessageID: t.ID, Input: t.Start.Input}), r.onStarted)
}

func (r *responder) onStarted(f workflow.Future) {
	t := r.Turn
	if err := f.Get(r.ctx, nil); err != nil {
		r.desk.park(wire.Parked{Code: wire.ParkedScript, Reason: fmt.Sprintf("starting %s: %s", t.Start.Script, plain(err)), Turn: &wire.Turn{ID: t.ID, Texts: t.Texts, Start: t.Start}})
	}
	t.Start = nil
	r.end()
}

// end ends a decided turn once its reply is sent and its script is started.
func (r *responder) end() {
	if t := r.Turn; t.ReplyKey == "" && t.Start == nil {
		r.countMany(len(t.Texts), metricHandled, "by", byResponder)
		r.drop()
	}
}

// drop lets go of the turn, and of the floor.
func (r *responder) drop() {
	r.Turn = nil
	r.floor.releaseBy(wire.Speaker{Kind: wire.ByResponder})
}
