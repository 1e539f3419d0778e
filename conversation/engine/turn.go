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
	turnTranscript = 20              // messages that the responder is shown
	mostPatience   = 5 * time.Minute // between two tries of a responder that cannot be reached
)

// workOnTurn lets the responder work on the texts that wait for it, one after
// the other, as far as the floor is free for it.
func (c *conversation) workOnTurn() {
	s := c.state
	if c.flying(flightThink) || c.flying(flightStart) {
		return
	}
	if s.Turn == nil && !c.nextTurn() {
		return
	}
	t := s.Turn
	switch {
	case t.Start != nil:
		c.startScript(t)
	case t.ReplyKey != "" || c.now().Before(t.NextTry) || !c.floorFreeForTurn():
	default:
		c.askResponder(t)
	}
}

// nextTurn takes up what waits longest, and reports whether there is anything.
func (c *conversation) nextTurn() bool {
	s := c.state
	if len(s.Redo)+len(s.Backlog) == 0 || !c.floorFreeForTurn() || !c.recalled() {
		return false
	}
	for len(s.Redo) == 0 && len(s.Backlog) > 0 && !c.mayText() {
		c.park(wire.Parked{Code: wire.ParkedLoop, Reason: c.tooMany(), Turn: &wire.Turn{ID: s.Backlog[0].ID, Texts: []wire.Text{s.Backlog[0]}}})
		s.Backlog = s.Backlog[1:]
	}
	switch {
	case len(s.Redo) > 0:
		s.Turn = &s.Redo[0]
		s.Redo = s.Redo[1:]
	case len(s.Backlog) > 0:
		s.Turn = &wire.Turn{ID: s.Backlog[0].ID, Texts: []wire.Text{s.Backlog[0]}}
		s.Backlog = s.Backlog[1:]
	}
	return s.Turn != nil
}

// floorFreeForTurn reports whether the responder may speak: nobody holds the
// floor and no question is on its way.
func (c *conversation) floorFreeForTurn() bool {
	q := c.asking()
	return c.state.Floor.Holder.WorkflowID == "" && !c.offering() && (q == nil || q.Open() || c.resending(q.Key))
}

// mayText guards against two machines that answer each other for ever: it
// counts what nobody wrote by hand.
func (c *conversation) mayText() bool {
	s := c.state
	limit := s.Settings.TextsPerHour
	hourAgo := c.now().Add(-time.Hour)
	for len(s.RepliedAt) > 0 && s.RepliedAt[0].Before(hourAgo) {
		s.RepliedAt = s.RepliedAt[1:]
	}
	return limit == 0 || len(s.RepliedAt) < limit
}

// scriptMayText is mayText for a script's text, and counts it.
func (c *conversation) scriptMayText() bool {
	if c.state.Settings.TextsPerHour == 0 {
		return true
	}
	may := c.mayText()
	if may {
		c.texted()
	}
	return may
}

// tooMany is said where mayText forbids a text.
func (c *conversation) tooMany() string {
	return fmt.Sprintf("more than %d automatic texts in an hour: is another machine answering?", len(c.state.RepliedAt))
}

// texted counts one automatic text.
func (c *conversation) texted() { c.state.RepliedAt = append(c.state.RepliedAt, c.now()) }

func (c *conversation) askResponder(t *wire.Turn) {
	if t.Tries > 0 && len(c.state.Backlog) > 0 {
		// Texts that arrived meanwhile join this try; it is then another turn than
		// the one that failed, and must not get that one's answer.
		n := min(len(c.state.Backlog), maxTurnTexts-len(t.Texts))
		if n > 0 {
			t.Texts = append(t.Texts, c.state.Backlog[:n]...)
			c.state.Backlog = c.state.Backlog[n:]
			t.ID = t.Texts[len(t.Texts)-1].ID
		}
	}
	ctx := workflow.WithActivityOptions(wire.Traced(c.ctx, t.Trace()), workflow.ActivityOptions{
		StartToCloseTimeout: activities.ResponderTimeout + 5*time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1}, // the next try is another turn if texts joined
		Summary:             "what to answer?",
	})
	c.launch(flightThink, workflow.ExecuteActivity(ctx, responder.HandleInboundMessage, c.turnFor(t)), c.onDecided)
}

func (c *conversation) turnFor(t *wire.Turn) activities.Turn {
	last := t.Texts[len(t.Texts)-1]
	turn := activities.Turn{
		ID: t.ID, From: c.state.Contact, Sender: c.state.Sender, Kind: last.Kind, MessageID: last.ID,
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
	turn.Transcript = append(turn.Transcript, c.state.Before...)
	for _, m := range c.state.Transcript {
		if m.Key == "" && mine[m.MessageID] || m.Status == sms.StatusDropped || m.Status == sms.StatusExpired {
			continue
		}
		turn.Transcript = append(turn.Transcript, wire.Line{From: m.From, Text: m.Text, Time: m.At})
	}
	if extra := len(turn.Transcript) - turnTranscript; extra > 0 {
		turn.Transcript = turn.Transcript[extra:]
	}
	return turn
}

// onDecided obeys the responder, or lets the turn wait for its next try.
func (c *conversation) onDecided(f workflow.Future) {
	s := c.state
	t := s.Turn
	var decision activities.Decision
	err := f.Get(c.ctx, &decision)
	if t.Void {
		c.countMany(len(t.Texts), metricHandled, "by", byNobody)
		s.Turn = nil
		return
	}
	if err == nil && decision.Start != nil && len(decision.Start.Input) > maxInputBytes {
		err = temporal.NewApplicationError(fmt.Sprintf("the responder's input of a script is larger than %d bytes", maxInputBytes), activities.ErrTypeBadAnswer)
	}
	if err == nil && decision.Reply != "" {
		if why := c.refusal(decision.Reply); why != "" {
			err = temporal.NewApplicationError("the responder's reply cannot be sent: "+why, activities.ErrTypeBadAnswer)
		}
	}
	if err != nil {
		c.retryTurn(t, err)
		return
	}
	t.NextTry = time.Time{}
	if decision.Start != nil {
		t.Start = &wire.Starting{Script: decision.Start.Script, Input: decision.Start.Input}
	}
	if decision.Reply != "" {
		c.trace = t.Trace()
		t.ReplyKey = c.enqueue(wire.Message{From: wire.FromResponder, Text: decision.Reply, Reference: t.Texts[0].Reference})
		c.trace = ""
		c.texted()
	}
	c.endTurn()
}

// retryTurn lets a turn wait for its next try, or parks it. A bad answer is
// unlikely to become better; a responder that cannot be reached comes back.
func (c *conversation) retryTurn(t *wire.Turn, err error) {
	s, now := c.state, c.now()
	if t.Since.IsZero() {
		t.Since = now
	}
	waits, code := s.Settings.ResponderTries, wire.ParkedUnreachable
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	if ok && app.Type() == activities.ErrTypeBadAnswer {
		code = wire.ParkedBadAnswer
		t.Bad++
	}
	wait := mostPatience
	switch {
	case t.Tries < len(waits):
		wait = waits[t.Tries]
	case t.Bad > len(waits) || code == wire.ParkedUnreachable && !now.Before(t.Since.Add(s.Settings.Patience)):
		c.park(wire.Parked{Code: code, Reason: plain(err), Turn: &wire.Turn{ID: t.ID, Texts: t.Texts}})
		s.Turn = nil
		return
	case len(waits) > 0:
		wait = min(wait, waits[len(waits)-1]<<min(t.Tries-len(waits), 16))
	}
	t.NextTry = now.Add(wait)
	t.Tries++
}

func (c *conversation) startScript(t *wire.Turn) {
	ctx := workflow.WithActivityOptions(c.ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 5},
		Summary:             "start " + t.Start.Script,
	})
	c.launch(flightStart, workflow.ExecuteActivity(ctx, wire.StartScriptActivity, startInput{Script: t.Start.Script, MessageID: t.ID, Input: t.Start.Input}), c.onStarted)
}

func (c *conversation) onStarted(f workflow.Future) {
	t := c.state.Turn
	if err := f.Get(c.ctx, nil); err != nil {
		c.park(wire.Parked{Code: wire.ParkedScript, Reason: fmt.Sprintf("starting %s: %s", t.Start.Script, plain(err)), Turn: &wire.Turn{ID: t.ID, Texts: t.Texts, Start: t.Start}})
	}
	t.Start = nil
	c.endTurn()
}

// endTurn ends a decided turn once its reply is sent and its script is started.
func (c *conversation) endTurn() {
	if t := c.state.Turn; t.ReplyKey == "" && t.Start == nil {
		c.countMany(len(t.Texts), metricHandled, "by", byResponder)
		c.state.Turn = nil
	}
}

// plain is the message of an activity's error without the frame that Temporal
// puts around it.
func plain(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}
