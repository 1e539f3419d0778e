package conversation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/understand"
)

// A Question is what a script asks, with all that belongs to asking it.
type Question[T any] struct {
	Text        string        // the words
	Answer      Answer[T]     // understands the contact's words
	Reprompt    string        // the words when the answer was not understood; empty: Text again
	Attempts    int           // how often to ask in all; 0 is once
	Timeout     time.Duration // how long to wait for an answer each time, from when the carrier took the text; 0 is 24 hours
	UsefulUntil time.Time     // not asked, and not waited for, later than this; zero: always useful
	InDoubt     InDoubt       // what to do when it is unknown whether the carrier took the text; empty: Resend
}

// An Answer understands a text, or says that it does not.
type Answer[T any] func(text string) (T, bool)

// AnyText takes any text as the answer.
func AnyText() Answer[string] {
	return func(text string) (string, bool) {
		text = strings.TrimSpace(text)
		return text, text != ""
	}
}

// OneOf understands exactly these words, in any case and with punctuation
// around them, and returns the word as given here. It panics on a word that
// means STOP: the contact would be opted out by answering.
func OneOf(words ...string) Answer[string] {
	for _, w := range words {
		if understand.IsStop(w) {
			panic(fmt.Sprintf("conversation.OneOf: %q would opt the contact out", w))
		}
	}
	return func(text string) (string, bool) {
		text = strings.Trim(text, " \t\r\n.,;:!?\"'()")
		for _, w := range words {
			if strings.EqualFold(text, w) {
				return w, true
			}
		}
		return "", false
	}
}

// Ask asks a question and waits for an answer that is understood, however long
// that takes. It asks Attempts times, the first time with Text and then with
// Reprompt. Without an answer it returns an *Ending; a cancelled script gets a
// temporal.CanceledError, and the question is withdrawn.
func Ask[T any](ctx workflow.Context, chat *Chat, q Question[T]) (T, error) {
	var zero T
	if q.Answer == nil {
		return zero, errors.New("the question has no Answer to understand texts with; conversation.AnyText() takes any")
	}
	if q.Timeout <= 0 {
		q.Timeout = wire.DefaultTimeout
	}
	text := q.Text
	for attempt := 1; ; attempt++ {
		words, err := chat.ask(ctx, wire.Asked{
			Script: self(ctx), Text: text, Timeout: q.Timeout, UsefulUntil: q.UsefulUntil, InDoubt: q.InDoubt, Reference: chat.reference, Epoch: chat.epoch, Knows: len(wire.EndKinds()),
		})
		if err != nil {
			return zero, err
		}
		understood, err := parse(ctx, q.Answer, words)
		switch {
		case err != nil:
			return zero, err
		case understood.OK:
			return understood.Answer, nil
		case attempt >= max(q.Attempts, 1):
			return zero, &Ending{Kind: ErrNotUnderstood, Words: words}
		}
		if q.Reprompt != "" {
			text = q.Reprompt
		}
	}
}

type understanding[T any] struct {
	OK     bool `json:"ok"`
	Answer T    `json:"answer"`
}

// parse runs the parser once and records what it said, so that a better
// parser does not break a script that is waiting.
func parse[T any](ctx workflow.Context, answer Answer[T], words string) (understanding[T], error) {
	var u understanding[T]
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		value, ok := answer(words)
		return understanding[T]{OK: ok, Answer: value}
	}).Get(&u)
	return u, err
}

// ask asks once and returns the contact's words.
func (c *Chat) ask(ctx workflow.Context, a wire.Asked) (string, error) {
	id, err := c.tell(ctx, wire.KindAsk, a.Text, a, 0, "")
	if err != nil {
		return "", c.takeBack(ctx, a, id, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Waits for **%s** to answer: %s", c.contact.Masked(), wire.Markdown.Replace(wire.Mask(a.Text))))
	defer workflow.SetCurrentDetails(ctx, "")
	answers := workflow.GetSignalChannel(ctx, wire.AnswerSignal+id)
	for again := 1; ; again++ {
		// The conversation keeps the time. Should it have been terminated, or its
		// answer be lost, asking again with the same id repeats the outcome or opens
		// the question again.
		deadline := workflow.Now(ctx).Add(a.Timeout + time.Hour)
		o, ok, err := c.listen(ctx, answers, deadline)
		switch {
		case err != nil:
			return "", c.takeBack(ctx, a, id, err)
		case ok:
			return answerOf(o)
		}
		if _, err := c.tell(ctx, wire.KindAsk, a.Text, a, again, id); err != nil {
			return "", c.takeBack(ctx, a, id, err)
		}
	}
}

// takeBack withdraws a question whose script stops waiting for err.
func (c *Chat) takeBack(ctx workflow.Context, a wire.Asked, id string, err error) error {
	cleanup, _ := workflow.NewDisconnectedContext(ctx)
	if _, failed := c.tell(cleanup, wire.KindWithdraw, "", wire.Withdrawn{Script: a.Script, AskID: id}, 0, ""); failed != nil {
		return failed
	}
	return err
}

// listen waits for the outcome of a question; not ok means that the deadline passed.
func (c *Chat) listen(ctx workflow.Context, answers workflow.ReceiveChannel, deadline time.Time) (o wire.Outcome, ok bool, err error) {
	for {
		if c.guard.future != nil && c.guard.at.After(deadline) {
			c.guard.cancel()
			c.guard = alarm{}
		}
		if c.guard.future == nil {
			guard, cancel := workflow.WithCancel(ctx)
			c.guard = alarm{at: deadline, cancel: cancel, future: workflow.NewTimerWithOptions(guard, deadline.Sub(workflow.Now(ctx)),
				workflow.TimerOptions{Summary: "ask again if nothing is heard"})}
		}
		s := workflow.NewSelector(ctx)
		s.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { err = ctx.Err() })
		s.AddReceive(answers, func(ch workflow.ReceiveChannel, _ bool) {
			ch.Receive(ctx, &o)
			if o.Schema > wire.OutcomeSchema {
				// Nobody says it again: the task is tried until a build takes it that knows.
				panic(fmt.Sprintf("the conversation answered in schema %d, and this build knows %d: deploy the newer worker", o.Schema, wire.OutcomeSchema))
			}
			ok, c.trace, c.epoch = true, o.Trace, o.Epoch
		})
		s.AddFuture(c.guard.future, func(workflow.Future) { c.guard = alarm{} })
		s.Select(ctx)
		switch {
		case err != nil || ok:
			return o, ok, err
		case !workflow.Now(ctx).Before(deadline):
			return o, false, nil
		}
	}
}

// answerOf is the contact's text, or how the question ended without one.
func answerOf(o wire.Outcome) (string, error) {
	switch {
	case o.Kind == wire.EndAnswered:
		return o.Text, nil
	case o.Kind == wire.EndReported || !slices.Contains(wire.EndKinds(), o.Kind):
		panic(fmt.Sprintf("a question ended as %q, which this build does not know: deploy the newer worker", o.Kind))
	}
	return "", &Ending{Kind: EndKind(o.Kind), Words: o.Text, Delivered: o.Delivered, Reason: o.Reason}
}

// reportOf is what became of a text.
func reportOf(o wire.Outcome) Report {
	if o.Kind != wire.EndReported {
		panic(fmt.Sprintf("a text was reported as %q, which this build does not know: deploy the newer worker", o.Kind))
	}
	return Report{Delivery: o.Delivered, Reason: o.Reason, Until: o.Until}
}
