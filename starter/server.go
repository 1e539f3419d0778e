package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
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
	conversations conversations.Desk
	options       client.Options
	keys          *encryption.Keys
	ui            string
	timeout       time.Duration
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
	asking, cancel := s.conversations.WithPatience(ctx)
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
	s.conversations.IDs = ids
	return s, nil
}

// dial is for who does not ask for conversations by their ids.
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
	s.conversations = conversations.Desk{
		Client:    conversations.Client{Temporal: c, TaskQueue: work.Temporal.TaskQueue},
		Namespace: options.Namespace, Converter: options.DataConverter, Patience: a.Timeout, Words: s.explain,
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
	return s.conversations.IDs.Of(contact, sender)
}

// who is whom a conversation is with; nobody's number if that cannot be decrypted.
// It is not ok for a workflow whose id somebody else made.
func (s *server) who(info *workflowpb.WorkflowExecutionInfo) (who wire.Start, ok bool) {
	id := info.GetExecution().GetWorkflowId()
	if contact, sender, err := wire.ParseID(id); err == nil {
		return wire.Start{Contact: contact, Sender: sender}, true
	}
	memo := info.GetMemo().GetFields()[wire.WhoMemo]
	if memo != nil && wire.IsID(id) {
		ok = true
		if err := s.dataConverter().FromPayload(memo, &who); err != nil {
			who = wire.Start{}
		}
	}
	return who, ok
}

// whose conversation has an id; nobody's that is known if the id holds no number
// and Temporal has nothing left of it.
func (s *server) whose(ctx context.Context, id string) wire.Start {
	if contact, sender, err := wire.ParseID(id); err == nil {
		return wire.Start{Contact: contact, Sender: sender}
	}
	info, err := s.conversations.Describe(ctx, id, "")
	if err != nil {
		return wire.Start{}
	}
	who, _ := s.who(info)
	return who
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

// missingWorker says what is known about the worker that did not answer.
func (s *server) missingWorker(ctx context.Context, taskQueue string) string {
	ctx, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	described, err := s.DescribeTaskQueue(ctx, taskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return fmt.Sprintf("no worker of task queue %q answers", taskQueue)
	}
	var heard time.Time
	for _, poller := range described.GetPollers() {
		if at := poller.GetLastAccessTime().AsTime(); at.After(heard) {
			heard = at
		}
	}
	if heard.IsZero() {
		return fmt.Sprintf("no worker is running on task queue %q: start one, or set TEMPORAL_TASK_QUEUE to the queue of yours", taskQueue)
	}
	return fmt.Sprintf("no worker of task queue %q answers: the last one was heard of %s ago", taskQueue, time.Since(heard).Round(time.Second))
}

// latestEvents of a run are read to find its last failure.
const latestEvents = 50

// statusWords are how a workflow stands, for people and for --json.
var statusWords = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:          "running",
	enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:        "completed",
	enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:           "failed",
	enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:         "cancelled",
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:       "terminated",
	enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: "continued",
	enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        "timed out",
	enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:           "paused",
}

// What doctor calls by these names.

func (s *server) eachConversation(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (bool, error)) error {
	return s.conversations.EachConversation(ctx, query, limit, visit)
}

func isTimeout(err error) bool { return conversations.IsTimeout(err) }
