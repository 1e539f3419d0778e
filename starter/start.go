package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/wording"
	"parley/workflows"
)

// startFlags are how to start a script, whichever it is.
type startFlags struct {
	Wait  bool `help:"Wait until it has ended, however long that takes, and print how."`
	Again bool `help:"Start it although one with this id has ended."`
	workFlags
}

type startCmd struct {
	Script    string `arg:"" help:"Name of the script, such as Feedback."`
	Input     string `placeholder:"JSON" xor:"input" help:"Its input."`
	InputFile string `placeholder:"FILE" xor:"input" help:"File with its input; - is standard input."`
	ID        string `name:"id" placeholder:"ID" help:"Workflow id. Default: the script's name with something random behind it."`
	startFlags
}

// Help is the long help.
func (*startCmd) Help() string {
	return `The input is checked before anything is started: a field that the script does
not have, or a value that it does not understand, is refused.

  parley start Feedback --input '{"contact":"+15559876543","business_name":"Harbor Dental"}'

With --id, repeating the command is harmless: if the script runs with the same
details, that is success; if it runs with others, you are told which differ; if
it has ended, you are told how, and --again starts it a second time.`
}

// Run starts the script.
func (c *startCmd) Run(ctx context.Context, a *app) error {
	script, err := findScript(c.Script)
	if err != nil {
		return err
	}
	raw, err := c.read(a.stdin)
	if err != nil {
		return err
	}
	input, err := readInput(script, raw)
	if err != nil {
		return err
	}
	id := strings.TrimSpace(c.ID)
	if id == "" {
		id = script.Name + ":" + strings.ToLower(rand.Text()[:12])
	}
	return a.begin(ctx, script, input, client.StartWorkflowOptions{ID: id}, c.startFlags)
}

func (c *startCmd) read(stdin io.Reader) (raw []byte, err error) {
	switch c.InputFile {
	case "":
		return []byte(c.Input), nil
	case "-":
		raw, err = io.ReadAll(stdin)
	default:
		raw, err = os.ReadFile(c.InputFile)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the input: %w", err)
	}
	return bytes.TrimPrefix(raw, []byte("\ufeff")), nil // which editors on Windows write
}

// started is what is printed about a script.
type started struct {
	WorkflowID     string `json:"workflow_id"`
	RunID          string `json:"run_id"`
	Link           string `json:"link,omitempty"`
	AlreadyRunning bool   `json:"already_running,omitempty"`
	ending
}

// An ending is how a script stands or how it ended.
type ending struct {
	Status string          `json:"status"`
	Result json.RawMessage `json:"result,omitempty"` // completed
	Reason string          `json:"reason,omitempty"` // failed
}

func (s started) text(w io.Writer, _ *time.Location) {
	if s.AlreadyRunning {
		fmt.Fprintln(w, "already running:", s.WorkflowID)
	} else {
		fmt.Fprintln(w, "started", s.WorkflowID)
	}
	if s.Link != "" {
		fmt.Fprintln(w, s.Link)
	}
}

// text is the result of what completed, and else the one word for how it ended.
func (e ending) text(w io.Writer, _ *time.Location) {
	if len(e.Result) > 0 {
		fmt.Fprintln(w, wording.Printable(string(e.Result)))
		return
	}
	fmt.Fprintln(w, e.Status)
}

func (e ending) detail() string {
	if detail := string(e.Result) + e.Reason; detail != "" {
		return ": " + detail
	}
	return ""
}

// begin starts a script under an id, so that repeating it starts nothing twice.
// The server alone decides whether the id is free: looking first would be a race.
func (a *app) begin(ctx context.Context, script workflows.Script, input any, options client.StartWorkflowOptions, flags startFlags) error {
	if wire.IsID(options.ID) {
		return usagef("%s is the id of a conversation: choose another --id", options.ID)
	}
	s, err := a.dial(ctx, flags.workFlags)
	if err != nil {
		return err
	}
	defer s.Close()

	options.TaskQueue = flags.Temporal.TaskQueue
	options.WorkflowExecutionErrorWhenAlreadyStarted = true
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	if flags.Again {
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	now := started{WorkflowID: options.ID, Link: s.link(options.ID), ending: ending{Status: "running"}}
	now.RunID, err = s.start(ctx, script, input, options)
	if exists, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		now.RunID, now.AlreadyRunning = exists.RunId, true
		err = s.accept(ctx, script, input, options.ID, exists.RunId, a.zone)
	}
	if err != nil {
		return err
	}
	if !flags.Wait {
		return a.print(now)
	}
	if !a.JSON {
		now.text(a.stdout, a.zone)
	}
	if now.ending, err = s.await(ctx, now.WorkflowID, now.RunID); err != nil {
		return err
	}
	return a.ended(now)
}

// ended prints how a script ended. Only one that broke is an error.
func (a *app) ended(now started) error {
	failed := now.Status == "failed" || now.Status == "timed out"
	if a.JSON {
		if err := a.print(now); err != nil {
			return err
		}
	} else if !failed {
		now.ending.text(a.stdout, a.zone)
	}
	if failed {
		return fmt.Errorf("%s %s%s", now.WorkflowID, now.Status, now.detail())
	}
	return nil
}

func (s *server) start(ctx context.Context, script workflows.Script, input any, options client.StartWorkflowOptions) (runID string, err error) {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	var args []any
	if script.Input() != nil {
		args = []any{input}
	}
	run, err := s.ExecuteWorkflow(ctx, options, script.Name, args...)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &exists):
		return "", err
	case conversations.IsTimeout(err):
		return "", fmt.Errorf("starting %s: Temporal at %s did not answer within %s, and may have started it; the same --id again starts nothing twice", options.ID, s.options.HostPort, s.timeout)
	case err != nil:
		return "", s.explain("starting "+options.ID, err)
	}
	return run.GetRunID(), nil
}

// accept says whether the script that has the id already will do.
func (s *server) accept(ctx context.Context, script workflows.Script, input any, id, runID string, zone *time.Location) error {
	info, err := s.desk.Describe(ctx, id, runID)
	switch {
	case errors.Is(err, conversations.ErrNotFound):
		return fmt.Errorf("%s was there and is gone: try again", id)
	case err != nil:
		return err
	case info.GetType().GetName() != script.Name:
		return fmt.Errorf("%s is taken by a workflow of type %s: choose another id", id, info.GetType().GetName())
	case !conversations.IsRunning(info):
		how, err := s.ended(ctx, id, runID)
		if err != nil {
			return err
		}
		return fmt.Errorf("%s has ended already (%s on %s%s): start it a second time with --again",
			id, how.Status, info.GetCloseTime().AsTime().In(zone).Format(wording.DateAndTime), how.detail())
	}
	asked, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("writing the input as JSON: %w", err)
	}
	exists, err := s.input(ctx, id, info)
	if err != nil {
		return err
	}
	if d := differences(script.Input(), exists, asked); len(d) > 0 {
		return fmt.Errorf("%s runs already with other details: %s; cancel it first (temporal workflow cancel -w %q), or use another id", id, strings.Join(d, "; "), id)
	}
	return nil
}

// input is what a workflow was first started with: a run that continues
// another one may have been given something else.
func (s *server) input(ctx context.Context, id string, info *workflowpb.WorkflowExecutionInfo) (json.RawMessage, error) {
	runID := info.GetFirstRunId()
	if runID == "" { // servers before 1.25 do not say
		runID = info.GetExecution().GetRunId()
	}
	started, _, err := s.desk.Started(ctx, id, runID)
	if err != nil {
		return nil, s.explain("reading how "+id+" was started", err)
	}
	var raw json.RawMessage
	if len(started.GetInput().GetPayloads()) == 0 {
		return nil, nil
	}
	if err := s.dataConverter().FromPayloads(started.GetInput(), &raw); err != nil {
		if unreadable, ok := errors.AsType[*encryption.Unreadable](err); ok {
			return nil, fmt.Errorf("reading %s, which runs already: %w", id, unreadable)
		}
		return nil, fmt.Errorf("%s runs already, and how it was started cannot be read: it is no JSON", id)
	}
	return raw, nil
}
