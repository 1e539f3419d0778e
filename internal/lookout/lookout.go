// Package lookout finds scripts that cannot tell of their trouble themselves: those
// whose tasks fail again and again, which were terminated or ran out of time, or
// which want an activity that no worker has. It tells their conversations, so that
// a person is asked for. Each worker of scripts does it; what two of them tell is
// told under the same id.
package lookout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/sms"
)

const (
	every   = 20 * time.Second
	takes   = 15 * time.Second // a round, at most
	before  = 10 * time.Minute // how far back the first look goes
	overlap = 2 * time.Minute  // of two looks: lists are seconds late

	listed = 1000 // workflows of one kind in a round
	told   = 100  // of them, about whom something is told
)

// A Lookout watches the scripts of one worker.
type Lookout struct {
	Desk    conversations.Desk // with the converters of a program, not of workflow code
	Scripts []string           // their types
	Sender  func(address sms.Sender) sms.Sender
	Log     *slog.Logger

	mutex sync.Mutex
	known map[string]time.Time // what was told, or needs no telling, and when it was seen last
	looks int
	since time.Time // from where on the next look for what ended begins
}

// Watch looks until the context ends.
func (l *Lookout) Watch(ctx context.Context) {
	l.since = time.Now().Add(-before)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		l.look(ctx)
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// look leaves for the next round what this one cannot do.
func (l *Lookout) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, takes)
	defer cancel()
	l.forget()
	l.stuck(ctx)
	l.cutOff(ctx)
	l.passed(ctx)
}

// new reports whether something was not told yet, and remembers that it is now.
func (l *Lookout) new(what string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.known == nil {
		l.known = map[string]time.Time{}
	}
	_, known := l.known[what]
	l.known[what] = time.Now()
	return !known
}

// again has something told again, which could not be told.
func (l *Lookout) again(what string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.known, what)
}

// forget lets go of what was not seen for longer than any look goes back.
func (l *Lookout) forget() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for what, seen := range l.known {
		if time.Since(seen) > before+overlap {
			delete(l.known, what)
		}
	}
}

// stuck tells of scripts whose tasks fail again and again.
func (l *Lookout) stuck(ctx context.Context) {
	left := told
	err := l.Desk.EachStuck(ctx, l.Scripts, listed, func(info *workflowpb.WorkflowExecutionInfo, wrong string) {
		// A run that went on meanwhile and stands still again has a longer history.
		id := "stuck:" + info.GetExecution().GetRunId()
		if left > 0 && l.new(id) {
			left--
			if !l.tellStuck(ctx, info, wrong) {
				l.again(id)
			}
		}
	})
	switch {
	case errors.Is(err, conversations.ErrUnreported):
		if l.looks == 0 {
			l.Log.Info("scripts whose tasks fail are not seen: the server does not report them, which it does from version 1.29 on")
		}
	case err != nil && ctx.Err() == nil:
		l.Log.Warn("scripts whose tasks fail could not be listed", "error", err)
	}
	l.looks++
}

func (l *Lookout) tellStuck(ctx context.Context, info *workflowpb.WorkflowExecutionInfo, wrong string) bool {
	described, err := l.Desk.Describe(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
	if err != nil {
		return errors.Is(err, conversations.ErrNotFound)
	}
	if !conversations.IsStuck(described) { // the list is late
		return false
	}
	words := l.Desk.Failing(ctx, info.GetExecution())
	return l.tell(ctx, trouble{
		run: described, what: "stuck-" + itoa(described.GetHistoryLength()), kind: "stands still (" + wrong + ")", words: words,
	})
}

// cutOff tells of scripts that ended without running any code.
func (l *Lookout) cutOff(ctx context.Context) {
	began, left, all := time.Now(), told, true
	err := l.Desk.EachCutOff(ctx, l.Scripts, l.since, listed, func(info *workflowpb.WorkflowExecutionInfo) {
		id := "over:" + info.GetExecution().GetRunId()
		if left > 0 && l.new(id) {
			left--
			if !l.tellCutOff(ctx, info) {
				all = false
				l.again(id)
			}
		}
	})
	switch {
	case err != nil && ctx.Err() == nil:
		l.Log.Warn("scripts that were ended could not be listed", "error", err)
	case err == nil && left > 0 && all:
		l.since = began.Add(-overlap)
	}
}

func (l *Lookout) tellCutOff(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) bool {
	latest, err := l.Desk.Describe(ctx, info.GetExecution().GetWorkflowId(), "")
	switch {
	case errors.Is(err, conversations.ErrNotFound):
		return true
	case err != nil:
		return false
	case latest.GetExecution().GetRunId() != info.GetExecution().GetRunId():
		return true // it was reset, or started again
	}
	t, trouble := l.end(ctx, latest)
	return !trouble || l.tell(ctx, t)
}
