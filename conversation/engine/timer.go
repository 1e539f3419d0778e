package engine

import (
	"time"

	"go.temporal.io/sdk/workflow"
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
	now := c.now()
	var next time.Time
	var why string
	at := func(t time.Time, reason string) {
		// What is due already waits for something else that will wake us: this
		// turn of the loop has just tried.
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next, why = t, reason
		}
	}
	at(c.info.WorkflowStartTime.Add(maxRunLength), "continue as new")
	if c.none() && !c.busy() { // else what is in flight wakes us
		at(c.idleAt(), "close when idle")
	}
	for _, p := range c.all() {
		p.deadlines(at)
	}
	return next, why
}
