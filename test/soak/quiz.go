package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/internal/connect"
	"parley/internal/settings"
	"parley/internal/telemetry"
	"parley/sms"
)

const (
	scriptsCommand = "scripts" // the argument that makes this program a worker of scripts
	scriptQueue    = "soak"
	quizType       = "Quiz"
)

// A Quiz is a script with numbered questions.
type Quiz struct {
	Contact   sms.Number    `json:"contact"`
	Sender    sms.Sender    `json:"sender"`
	Script    int           `json:"script"`
	Questions int           `json:"questions"`
	Timeout   time.Duration `json:"timeout"` // of each question
}

// PlayQuiz asks its questions one after the other, and tells on the phone what it
// took for the answer: who judges it sees no more than the phone does.
func PlayQuiz(ctx workflow.Context, in Quiz) error {
	chat := conversation.With(ctx, in.Contact, conversation.Over(in.Sender))
	heard := "hello."
	for n := range in.Questions {
		answer, err := conversation.Ask(ctx, chat, conversation.Question[string]{
			Text:    questionWords(in.Script, n+1, heard),
			Answer:  conversation.AnyText(),
			Timeout: in.Timeout,
		})
		var ending *conversation.Ending
		switch {
		case errors.As(err, &ending):
			heard = unheardWords(string(ending.Kind))
		case err != nil:
			return err
		default:
			heard = heardWords(answer)
		}
	}
	_, err := chat.Say(ctx, endWords(in.Script, heard))
	return err
}

// runScripts is the worker of scripts, which this program starts as processes of
// their own. Like every worker of scripts it registers what they speak with.
func runScripts(ctx context.Context, stderr io.Writer) error {
	env := settings.Environ(os.Environ())
	options, err := connect.Options(telemetry.Logger(stderr, "text", slog.LevelInfo), env, nil)
	if err != nil {
		return err
	}
	ids, err := private(env, true, &options)
	if err != nil {
		return err
	}
	temporal, err := connect.Dial(ctx, options)
	if err != nil {
		return err
	}
	defer temporal.Close()
	w := worker.New(temporal, scriptQueue, worker.Options{})
	conversations.Telling{
		Teller: conversations.Client{Temporal: temporal, TaskQueue: conversationQueue, IDs: ids},
		IDs:    ids,
		Sender: settings.SinchApp{SMSSender: []sms.Sender{ours, ours2}}.ConversationSender,
	}.Register(w)
	w.RegisterWorkflowWithOptions(PlayQuiz, workflow.RegisterOptions{Name: quizType})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	<-ctx.Done()
	return nil
}
