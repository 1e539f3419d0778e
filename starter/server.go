package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	conversations "parley/conversation/client"
	"parley/internal/connect"
	"parley/internal/encryption"
	"parley/internal/identity"
	"parley/internal/settings"
	"parley/sms"
)

// server is the Temporal server, and how patient we are with it. Its errors are
// for the person at the terminal.
type server struct {
	client.Client
	desk    conversations.Desk
	options client.Options
	keys    *encryption.Keys
	ui      string
	timeout time.Duration
}

// workFlags are where workflows run and are seen.
type workFlags struct {
	Temporal settings.Temporal `embed:"" group:"Temporal"`
	linkFlag
}

// connect reaches Temporal, where conversations have ids as we make them.
func (a *app) connect(ctx context.Context, work workFlags) (*server, error) {
	s, err := a.dial(ctx, work)
	if err != nil {
		return nil, err
	}
	asking, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	ids, err := settings.ReadIDs(asking, a.IDs.KeyOfIDs(a.parameters))
	switch {
	case err != nil:
	case work.Temporal.TaskQueue != "": // it may begin conversations
		err = identity.TakeUp(asking, s.Client, work.Temporal.TaskQueue, ids)
	default:
		_, err = identity.Check(asking, s.Client, ids)
	}
	if err != nil {
		s.Close()
		return nil, s.explain("connecting", err)
	}
	s.desk.IDs = ids
	return s, nil
}

// dial connects without resolving how workflow ids are made.
func (a *app) dial(ctx context.Context, work workFlags) (*server, error) {
	// Not every command has a flag for it.
	work.Temporal.APIKeyParam = cmp.Or(work.Temporal.APIKeyParam, a.env["TEMPORAL_API_KEY_PARAM"])
	// The SDK would log on the terminal what we say in our own words.
	options, err := connect.Options(slog.New(slog.DiscardHandler), a.env, work.Temporal.APIKey(a.parameters))
	if err != nil {
		return nil, err
	}
	keys, err := encryption.Open(slog.New(slog.DiscardHandler), a.KeyRing(a.parameters))
	if err != nil {
		return nil, err
	}
	encryption.Apply(&options, keys)
	dialing, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	c, err := connect.Dial(dialing, options)
	if err != nil {
		return nil, outermost(err)
	}
	s := &server{Client: c, options: options, keys: keys, ui: work.UI, timeout: a.Timeout}
	s.desk = conversations.Desk{
		Client:    conversations.Client{Temporal: c, TaskQueue: work.Temporal.TaskQueue},
		Namespace: options.Namespace, Converter: options.DataConverter, Failures: options.FailureConverter, Patience: a.Timeout, Words: s.explain,
	}
	return s, nil
}

// outermost is an error's own words, which say what to do, without those of its
// cause, which are gRPC's.
func outermost(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return errors.New(strings.TrimSuffix(err.Error(), ": "+cause.Error()))
	}
	return err
}

func (s *server) link(workflowID string) string {
	return link(s.ui, s.options.HostPort, s.options.Namespace, workflowID)
}

// id is the workflow id of a conversation.
func (s *server) id(contact sms.Number, sender sms.Sender) string {
	return s.desk.IDs.Of(contact, sender)
}

func (s *server) dataConverter() converter.DataConverter { return s.options.DataConverter }

// explain turns a failed call's error into one that a person understands.
func (s *server) explain(doing string, err error) error {
	var (
		unavailable *serviceerror.Unavailable
		denied      *serviceerror.PermissionDenied
		service     serviceerror.ServiceError
	)
	switch {
	case err == nil:
		return nil
	case isInterrupted(err):
		return fmt.Errorf("%s: interrupted", doing)
	case conversations.IsTimeout(err):
		return fmt.Errorf("%s: Temporal at %s did not answer within %s; try again, or with a longer --timeout", doing, s.options.HostPort, s.timeout)
	case errors.As(err, &unavailable):
		return fmt.Errorf("%s: Temporal at %s cannot be reached any more; try again when it is back", doing, s.options.HostPort)
	case errors.As(err, &denied):
		return fmt.Errorf("%s: Temporal at %s does not allow it; check TEMPORAL_API_KEY and TEMPORAL_NAMESPACE", doing, s.options.HostPort)
	case errors.As(err, &service):
		return fmt.Errorf("%s: %s", doing, service.Status().Message())
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isInterrupted(err error) bool {
	var canceled *serviceerror.Canceled
	return errors.Is(err, context.Canceled) || errors.As(err, &canceled)
}
