package engine

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

const (
	floorSilence   = 10 * time.Second // after which a script loses the floor, if somebody waits
	checkInterval  = 5 * time.Minute  // between looks whether the script behind an open question still runs
	doubtPatience  = 30 * time.Second // for a callback that settles whether a text was taken
	seriesPause    = 5 * time.Minute  // between series of tries to send
	sendingGivesUp = 24 * time.Hour   // with a carrier that takes nothing
)

// timer is the one timer of a run. It is re-armed lazily: when the earliest
// deadline moves away it stays, fires early and is set again for the rest. So a
// turn costs no timer, and a waiting period about one.
type timer struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

func (c *conversation) arm() {
	next, why := c.nextDeadline()
	if next.IsZero() {
		return
	}
	if c.timer.future != nil {
		if !c.timer.at.After(next) {
			return
		}
		c.timer.cancel()
	}
	ctx, cancel := workflow.WithCancel(c.ctx)
	c.timer = timer{
		at:     next,
		future: workflow.NewTimerWithOptions(ctx, next.Sub(c.now()), workflow.TimerOptions{Summary: why}),
		cancel: cancel,
	}
}

// nextDeadline is the earliest time at which this conversation has to act by
// itself, and why; zero if there is none.
func (c *conversation) nextDeadline() (time.Time, string) {
	s, now := c.state, c.now()
	var next time.Time
	var why string
	earlier := func(t time.Time, reason string) {
		// What is due already waits for something else that will wake us: this
		// turn of the loop has just tried.
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next, why = t, reason
		}
	}
	earlier(c.info.WorkflowStartTime.Add(maxRunLength), "continue as new")
	if c.mayClose() && c.none() { // else what is in flight wakes us
		earlier(c.idleAt(), "close when idle")
	}
	for i := range s.Questions {
		q := &s.Questions[i]
		if q.Open() {
			earlier(s.QuestionDeadline(q), "question unanswered")
			if len(s.Questions) > 1 && !c.flying(flightCheck) {
				earlier(q.CheckedAt.Add(checkInterval), "does the script still run?")
			}
		} else if q.Key == "" {
			earlier(q.UsefulUntil, "question too late")
		}
	}
	if s.Floor.Holder.WorkflowID != "" && c.somebodyWaits() {
		earlier(s.Floor.Since.Add(floorSilence), "script silent")
	}
	if s.Turn != nil && !c.flying(flightThink) && s.Turn.ReplyKey == "" {
		earlier(s.Turn.NextTry, "ask the responder again")
	}
	if len(s.Outbox) > 0 && c.sending == nil {
		d := s.Outbox[0].Delivery
		earlier(d.NextTry, "try to send again")
		earlier(d.DoubtUntil, "was it sent?")
		earlier(s.Outbox[0].Useful, "message too late")
	}
	for i := range s.Resends {
		earlier(s.Resends[i].Delivery.NextTry, "send once more")
	}
	for i := range s.Watches {
		earlier(s.Watches[i].Until, "did it arrive?")
	}
	for i := range s.Errands {
		earlier(s.Errands[i].NextTry, "tell the other service again")
	}
	if c.storing == nil {
		earlier(s.ArchiveAt, "archive")
	}
	return next, why
}
