package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

type sendCmd struct {
	To   sms.Number `arg:"" placeholder:"+1…" help:"The contact's number."`
	Text string     `arg:"" help:"The words."`
	fromFlag
	Reference string        `placeholder:"ID" help:"What it is about, such as an order's id: shown beside the text in the transcript."`
	NotBefore time.Time     `placeholder:"TIME" help:"Not sent earlier than this."`
	Until     time.Time     `placeholder:"TIME" help:"Not sent later than this, like 2026-11-24T15:00:00+01:00: a reminder after the appointment, a code after its life."`
	InDoubt   string        `enum:",resend,park" default:"" placeholder:"resend|park" help:"What to do when it is unknown whether the carrier took it. Default: resend."`
	By        string        `placeholder:"NAME" help:"The person who writes, for the transcript. Default: a program that does not say which."`
	Keep      time.Duration `placeholder:"DURATION" help:"With --by: keep the floor for so long. Meanwhile no script, and no responder, speaks to the contact, and what the contact writes is yours."`
	Key       string        `placeholder:"KEY" help:"Idempotency key: what is sent twice under one key is sent once. Default: a random one."`
	Queue     bool          `help:"Leave the text in the conversation's queue without waiting for a worker."`
	workFlags
}

// Help is the long help.
func (*sendCmd) Help() string {
	return `The conversation takes the text or says why it does not: the contact opted out,
or the text is too long. It answers with the message's key, which "parley show"
understands. Being taken is not being delivered: the transcript tells.

With --queue nobody answers, and no worker needs to run: a text that the
conversation does not take is only found in "parley show".`
}

// sent is what is printed about a text.
type sent struct {
	WorkflowID     string `json:"workflow_id"`
	Link           string `json:"link,omitempty"`
	IdempotencyKey string `json:"idempotency_key"`
	MessageKey     string `json:"message_key,omitempty"` // not with --queue
	Queued         bool   `json:"queued,omitempty"`
}

func (s sent) text(w io.Writer, _ *time.Location) {
	if s.Queued {
		fmt.Fprintln(w, "queued, under the idempotency key", s.IdempotencyKey)
		return
	}
	fmt.Fprintln(w, s.MessageKey)
}

// Run sends the text.
func (c *sendCmd) Run(ctx context.Context, a *app) error {
	if strings.TrimSpace(c.Text) == "" {
		return usagef("the text is empty")
	}
	if c.Keep != 0 && c.By == "" {
		return usagef("--keep needs --by: the floor is kept by a person, with a name")
	}
	sender, err := c.ours()
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, c.workFlags)
	if err != nil {
		return err
	}
	defer s.Close()

	result := sent{WorkflowID: s.id(c.To, sender), IdempotencyKey: c.Key, Queued: c.Queue}
	result.Link = s.link(result.WorkflowID)
	if result.IdempotencyKey == "" {
		result.IdempotencyKey = strings.ToLower(rand.Text())
	}
	request := wire.SendRequest{Text: c.Text, Reference: c.Reference, By: c.By, NotBefore: c.NotBefore, UsefulUntil: c.Until, InDoubt: wire.InDoubt(c.InDoubt), Keep: c.Keep}
	if c.By != "" {
		request.As = wire.ByPerson
	}
	if c.Queue {
		err = s.queue(ctx, c.To, sender, result.IdempotencyKey, request)
	} else {
		result.MessageKey, err = s.send(ctx, c.To, sender, result.IdempotencyKey, request)
	}
	if err != nil {
		return err
	}
	return a.print(result)
}

func (s *server) queue(ctx context.Context, to sms.Number, sender sms.Sender, key string, r wire.SendRequest) error {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	err := s.desk.Queue(ctx, to, sender, key, r)
	if conversations.IsTimeout(err) {
		return fmt.Errorf("queueing the text: Temporal at %s did not answer within %s, and may have taken it: repeat this with --key %s, which sends nothing twice", s.options.HostPort, s.timeout, key)
	}
	return s.explain("queueing the text", err)
}

func (s *server) send(ctx context.Context, to sms.Number, sender sms.Sender, key string, r wire.SendRequest) (string, error) {
	waiting, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	messageKey, err := s.desk.Send(waiting, to, sender, key, r)
	var refused *temporal.ApplicationError
	switch {
	case errors.As(err, &refused) && refused.Type() == wire.TypeRefused:
		return "", errors.New("not sent: " + refused.Message())
	case err != nil && ctx.Err() == nil && (waiting.Err() != nil || conversations.IsTimeout(err)):
		// The server keeps an update that no worker has seen in memory: one that starts
		// a minute later may still be handed it, unless the server restarts meanwhile.
		return "", fmt.Errorf("nobody took the text: %s. It may still reach a worker that starts later; to be sure, repeat this with --queue --key %s, which sends nothing twice",
			s.desk.MissingWorker(ctx, s.desk.TaskQueue), key)
	}
	return messageKey, s.explain("sending the text", err)
}
