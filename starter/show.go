package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sms"
)

type showCmd struct {
	What string `arg:"" help:"The contact's number, a message key as send prints it, or Sinch's id of a message."`
	fromFlag
	archiveFlags
	linkFlag
	Search int `default:"100" placeholder:"N" help:"How many conversations to look through for a message that nothing else leads to, the newest first; each costs a query. Default: ${default}."`
}

// Help is the long help.
func (*showCmd) Help() string {
	return `Prints who wrote what and when, and what became of each of our texts:

  queued …    waits in the conversation's queue
  sent ✓      the carrier has it
  delivered ✓✓
  failed !    with the reason

and then what is open: the question that waits for an answer, those behind it,
what will be sent once more, and what needs a person. A conversation that runs is
asked, which needs a worker; one that has completed is read from its result. If
Temporal no longer has it, the last messages are read from the archive, if there
is one, and marked so. "parley proof" prints all that is known of one message.`
}

// Run shows the conversation.
func (c *showCmd) Run(ctx context.Context, a *app) error {
	find, err := c.finder()
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, workFlags{linkFlag: c.linkFlag})
	if err != nil {
		return err
	}
	defer s.Close()
	found, err := find(ctx, s)
	if err != nil {
		return err
	}
	return a.print(found)
}

var (
	// A text that was sent anew after a doubt carries a second number.
	messageKey = regexp.MustCompile(`^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9]+(?:\.[0-9]+)?$`)
	messageID  = regexp.MustCompile(`^[0-9A-Za-z_-]{6,128}$`)
)

// isMessageID is false for what is more likely a mistyped number.
func isMessageID(what string) bool {
	return strings.ContainsFunc(what, unicode.IsLetter) && messageID.MatchString(what)
}

type finder func(context.Context, *server) (shown, error)

// finder knows by its form what is asked for.
func (c *showCmd) finder() (finder, error) {
	what := strings.TrimSpace(c.What)
	if contact, sender, err := wire.ParseID(what); err == nil {
		return byNumber(contact, sender, c.archiveFlags), nil
	}
	if wire.IsID(what) {
		return byID(what, c.archiveFlags), nil
	}
	contact, err := sms.ParseNumber(what)
	if err == nil {
		return byNumber(contact, c.asGiven(), c.archiveFlags), nil
	}
	if key := messageKey.FindStringSubmatch(what); key != nil {
		whole, _, _ := strings.Cut(what, ".")
		return byKey(whole, key[1], c.archiveFlags, c.Search), nil
	}
	if isMessageID(what) {
		return byMessageID(what, c.archiveFlags, c.Search), nil
	}
	return nil, usagef("%q is neither a message's key nor its id at Sinch, and %v", what, err)
}

// shown is a conversation as it is printed.
type shown struct {
	WorkflowID   string        `json:"workflow_id"`
	RunID        string        `json:"run_id"`
	Link         string        `json:"link,omitempty"`
	Status       string        `json:"status"`          // of the workflow: running, completed, …; or archived
	State        string        `json:"state,omitempty"` // open, asking or optedout, as for list; nobody knows if archived
	Closed       *time.Time    `json:"closed,omitempty"`
	Message      *wire.Message `json:"message,omitempty"` // if one was asked for
	Conversation wire.State    `json:"conversation"`
}

// errNoWorker is returned when a conversation cannot be asked.
var errNoWorker = errors.New("a running conversation answers only while a worker runs")

// read reads a conversation's run: what it says, or what it said last.
func (s *server) read(ctx context.Context, id, runID string) (shown, error) {
	info, err := s.conversations.Describe(ctx, id, runID)
	if err != nil {
		return shown{}, err
	}
	if name := info.GetType().GetName(); name != wire.WorkflowType {
		return shown{}, fmt.Errorf("%s is no conversation, but a workflow of type %s", id, name)
	}
	v := shown{WorkflowID: id, RunID: info.GetExecution().GetRunId(), Link: s.link(id), Status: statusWords[info.GetStatus()]}
	if info.GetCloseTime() != nil {
		closed := info.GetCloseTime().AsTime()
		v.Closed = &closed
	}
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		err = s.lastWords(ctx, v, &v.Conversation)
	} else {
		err = s.ask(ctx, v, info.GetTaskQueue(), &v.Conversation)
	}
	if err != nil {
		return shown{}, err
	}
	v.State = cmp.Or(v.Conversation.Shown.State, wire.StateOpen)
	return v, nil
}

// lastWords is the state a conversation left as its result, which is there also
// when no worker runs.
func (s *server) lastWords(ctx context.Context, v shown, state *wire.State) error {
	ctx, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	return s.explain("reading "+v.WorkflowID, s.GetWorkflow(ctx, v.WorkflowID, v.RunID).Get(ctx, state))
}

func (s *server) ask(ctx context.Context, v shown, taskQueue string, state *wire.State) error {
	asking, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	value, err := s.QueryWorkflow(asking, v.WorkflowID, v.RunID, wire.StateQuery)
	var (
		noPoller *serviceerror.FailedPrecondition
		failing  *serviceerror.WorkflowNotReady // its task has failed three times
	)
	if err != nil && ctx.Err() == nil && (asking.Err() != nil || conversations.IsTimeout(err) || errors.As(err, &noPoller) || errors.As(err, &failing)) {
		if why := s.failing(ctx, v); why != "" {
			return fmt.Errorf("%w; one does, and fails at it: %s", errNoWorker, why)
		}
		return fmt.Errorf("%w; %s", errNoWorker, s.missingWorker(ctx, taskQueue))
	}
	if err != nil {
		return s.explain("asking "+v.WorkflowID, err)
	}
	if err := value.Get(state); err != nil {
		if unreadable, ok := errors.AsType[*encryption.Unreadable](err); ok {
			return fmt.Errorf("reading %s: %w", v.WorkflowID, unreadable)
		}
		return fmt.Errorf("%s gave an answer that this build does not understand: use the build that its worker is of", v.WorkflowID)
	}
	return nil
}

// failing is why workers fail at a run again and again; empty if they do not, or
// if nobody knows.
func (s *server) failing(ctx context.Context, v shown) string {
	ctx, cancel := s.conversations.WithPatience(ctx)
	defer cancel()
	described, err := s.DescribeWorkflowExecution(ctx, v.WorkflowID, v.RunID)
	if err != nil || described.GetPendingWorkflowTask().GetAttempt() < 2 {
		return ""
	}
	page, err := s.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: s.options.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: v.WorkflowID, RunId: v.RunID}, MaximumPageSize: latestEvents,
	})
	if err != nil {
		return ""
	}
	for _, event := range page.GetHistory().GetEvents() {
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return ownWords(s.options.FailureConverter.FailureToError(failed.GetFailure()))
		}
	}
	return ""
}

// ownWords are an error's, without the type that Temporal adds to them.
func ownWords(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}

// byNumber finds the conversation with a contact over one of our senders.
func byNumber(contact sms.Number, sender sms.Sender, archive archiveFlags) finder {
	return func(ctx context.Context, s *server) (shown, error) {
		v, err := s.read(ctx, s.id(contact, sender), "")
		if !errors.Is(err, conversations.ErrNotFound) {
			return v, err
		}
		if v, ok, err := s.fromArchive(ctx, archive, s.id(contact, sender), wire.Start{Contact: contact, Sender: sender}); ok || err != nil {
			return v, err
		}
		// It may be that they write to another number of ours.
		var others []string
		const enough = 10
		query := fmt.Sprintf("WorkflowId STARTS_WITH '%s' AND ExecutionStatus != 'ContinuedAsNew'", s.id(contact, ""))
		err = s.conversations.EachConversation(ctx, query, enough, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
			if who, ok := s.who(info); ok && who.Contact == contact && !slices.Contains(others, string(who.Sender)) {
				others = append(others, string(who.Sender))
			}
			return true, nil
		})
		if err != nil || len(others) == 0 {
			return shown{}, fmt.Errorf("there is no conversation with %s%s; those that closed longer ago than the namespace's retention are gone, and %s",
				contact, overSender(sender), archive.nothing())
		}
		slices.Sort(others)
		return shown{}, fmt.Errorf("there is no conversation with %s%s, but there is one over %s: name it with --from", contact, overSender(sender), strings.Join(others, ", "))
	}
}

// byID finds a conversation whose workflow id holds no number.
func byID(id string, archive archiveFlags) finder {
	return func(ctx context.Context, s *server) (shown, error) {
		v, err := s.read(ctx, id, "")
		if !errors.Is(err, conversations.ErrNotFound) {
			return v, err
		}
		if v, ok, err := s.fromArchive(ctx, archive, id, wire.Start{}); ok || err != nil {
			return v, err
		}
		return shown{}, fmt.Errorf("there is no %s; those that closed longer ago than the namespace's retention are gone, and %s", id, archive.nothing())
	}
}

// byKey finds a message of ours.
func byKey(key, firstRun string, archive archiveFlags, search int) finder {
	has := func(m wire.Message) bool { return m.Key == key }
	return func(ctx context.Context, s *server) (shown, error) {
		info, err := s.lastRunOf(ctx, key, firstRun, archive, search)
		if errors.Is(err, errGone) {
			return s.archivedWith(ctx, archive, key, has, fmt.Errorf("no message %s: its conversation is not among the %d newest, and %s; --search looks through more", key, search, archive.nothing()))
		}
		if err != nil {
			return shown{}, err
		}
		v, err := s.read(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
		if err != nil {
			return shown{}, err
		}
		if v.Message = find(v.Conversation, has); v.Message == nil {
			return shown{}, fmt.Errorf("%s does not know %s: it keeps the latest hundred messages, which parley show %s shows; parley proof %s looks further",
				v.WorkflowID, key, v.Conversation.Contact, key)
		}
		return v, nil
	}
}

// byMessageID finds a message by the carrier's id, which nothing leads from.
func byMessageID(id string, archive archiveFlags, search int) finder {
	has := func(m wire.Message) bool { return m.MessageID == id }
	return func(ctx context.Context, s *server) (shown, error) {
		v, err := s.search(ctx, search, id, has)
		if _, unknown := errors.AsType[*unknownMessage](err); unknown {
			return s.archivedWith(ctx, archive, id, has, err)
		}
		return v, err
	}
}

// search reads conversations, the newest first, until one has the message.
func (s *server) search(ctx context.Context, limit int, what string, has func(wire.Message) bool) (shown, error) {
	var found shown
	looked, unread := 0, 0
	err := s.conversations.EachConversation(ctx, "ExecutionStatus != 'ContinuedAsNew'", limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		looked++
		v, err := s.read(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
		switch {
		case errors.Is(err, errNoWorker) || ctx.Err() != nil:
			return false, err // the next one would take as long
		case err != nil:
			unread++
			return true, nil
		}
		if v.Message = find(v.Conversation, has); v.Message != nil {
			found = v
		}
		return v.Message == nil, nil
	})
	switch {
	case errors.Is(err, errNoWorker):
		return shown{}, err
	case err != nil:
		return shown{}, s.explain("looking through the conversations", err)
	case found.Message != nil:
		return found, nil
	}
	also := ""
	if unread > 0 {
		also = fmt.Sprintf(", of which %d could not be read", unread)
	}
	if looked == limit {
		also += fmt.Sprintf("; --search %d looks through more", limit*10)
	}
	return shown{}, &unknownMessage{fmt.Sprintf("no message %s in the %d newest conversations%s", what, looked, also)}
}

// unknownMessage is returned when no conversation has a message.
type unknownMessage struct{ message string }

func (e *unknownMessage) Error() string { return e.message }

func find(state wire.State, has func(wire.Message) bool) *wire.Message {
	for _, m := range messagesOf(&state) {
		if has(m) {
			return &m
		}
	}
	return nil
}
