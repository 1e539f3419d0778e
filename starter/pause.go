package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	conversations "parley/conversation/client"
	"parley/internal/settings"
	"parley/internal/wording"
)

type pauseCmd struct {
	Why      string            `placeholder:"TEXT" help:"Why, for whoever asks later: the server keeps it, with your name."`
	Temporal settings.Temporal `embed:"" group:"Temporal"`
}

// Help is the long help.
func (*pauseCmd) Help() string {
	return `Sets the rate of the task queue of sending to 0: no text leaves any more, whoever
asks for one. Texts of contacts are taken as ever, STOP counts, scripts ask and
responders answer; what they say waits in order until "parley resume-sending", and
is parked as carrier-away after a day.

It needs a task queue of its own for sending, PARLEY_SEND_TASK_QUEUE. No worker is
needed. A text that a worker has taken already still leaves. Repeating the command
changes nothing, but for a new --why.`
}

type resumeCmd struct {
	Temporal settings.Temporal `embed:"" group:"Temporal"`
}

// Help is the long help.
func (*resumeCmd) Help() string {
	return `Takes back what "parley pause-sending" did: texts leave in order again, as fast as
PARLEY_SEND_RATE of the workers says. Repeating the command changes nothing.`
}

// sending is how the task queue of sending stands, as it is printed.
type sending conversations.Sending

func (s sending) text(w io.Writer, zone *time.Location) {
	fmt.Fprintln(w, wording.Sending(conversations.Sending(s), zone))
	fmt.Fprintf(w, "task queue %s: %s\n", s.TaskQueue, wording.Queued(s.Queued))
	switch {
	case s.Workers == 0:
		fmt.Fprintln(w, "no worker of this task queue was heard of lately: is PARLEY_SEND_TASK_QUEUE the same there?")
	case s.Paused:
		fmt.Fprintln(w, "to go on: parley resume-sending")
	}
}

// Run pauses sending.
func (c *pauseCmd) Run(ctx context.Context, a *app) error {
	return a.limitSending(ctx, c.Temporal, func(d conversations.Desk, queue string) (conversations.Sending, error) {
		return d.PauseSending(ctx, queue, userName(), strings.TrimSpace(c.Why))
	})
}

// Run resumes sending.
func (c *resumeCmd) Run(ctx context.Context, a *app) error {
	return a.limitSending(ctx, c.Temporal, func(d conversations.Desk, queue string) (conversations.Sending, error) {
		return d.ResumeSending(ctx, queue, userName())
	})
}

// limitSending has the limit changed, and prints how sending stands afterwards.
func (a *app) limitSending(ctx context.Context, t settings.Temporal, change func(conversations.Desk, string) (conversations.Sending, error)) error {
	if !t.SendsApart() {
		return errors.New("sending has no task queue of its own, and with the common one everything would stand still: set PARLEY_SEND_TASK_QUEUE, for all workers and here")
	}
	s, err := a.dial(ctx, workFlags{Temporal: t})
	if err != nil {
		return err
	}
	defer s.Close()
	now, err := change(s.desk, t.SendTaskQueue)
	if err != nil {
		return s.cannotLimit(err)
	}
	return a.print(sending(now))
}

// cannotLimit says what else stops texts, if the server does not.
func (s *server) cannotLimit(err error) error {
	refused, ok := errors.AsType[*conversations.CannotLimit](err)
	const doing = "changing the rate of sending"
	switch {
	case !ok:
		return err
	case refused.TooOld:
		return fmt.Errorf("%s: Temporal at %s is too old to know how; update it, or stop the workers that run with --only send: texts wait then, too", doing, s.options.HostPort)
	}
	return fmt.Errorf("%s: Temporal at %s does not allow it; use a TEMPORAL_API_KEY that may write to namespace %q, or stop the workers that run with --only send: texts wait then, too", doing, s.options.HostPort, s.options.Namespace)
}
