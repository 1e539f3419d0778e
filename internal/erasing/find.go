package erasing

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

// An Execution is one run of a workflow.
type Execution struct {
	ID, Run, Type string
	Running       bool
}

func executionOf(info *workflowpb.WorkflowExecutionInfo) Execution {
	return Execution{info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), info.GetType().GetName(), client.IsRunning(info)}
}

// suppress keeps whatever comes from now on from being answered.
func (e *erasure) suppress(ctx context.Context) error {
	suppressions := client.TemporalSuppressions{Client: e.Desk.Temporal, TaskQueue: e.Desk.TaskQueue, IDs: e.Desk.IDs}
	if err := suppressions.Suppress(ctx, e.Contact); err != nil {
		return err
	}
	// What the contact has allowed since an earlier time is void, and need not stay.
	lifted, err := e.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND WorkflowId STARTS_WITH '%s:'", wire.SuppressionType, e.done.Suppression))
	if err != nil {
		return err
	}
	if _, err := e.terminate(ctx, lifted); err != nil {
		return err
	}
	_, err = e.delete(ctx, lifted)
	return err
}

// find returns all runs of the contact's conversations and scripts.
func (e *erasure) find(ctx context.Context) (conversations, scripts []Execution, err error) {
	var which []string
	for _, id := range e.idsOf() {
		which = append(which, fmt.Sprintf("WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s:'", id, id))
	}
	conversations, err = e.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND (%s)", wire.WorkflowType, strings.Join(which, " OR ")))
	if err != nil {
		return nil, nil, e.Desk.Explain("looking for conversations", err)
	}
	for _, id := range e.idsOf() { // one that began a moment ago is not listed yet
		var described *workflowservice.DescribeWorkflowExecutionResponse
		err := e.patiently(ctx, func(ctx context.Context) (err error) {
			described, err = client.Describe(ctx, e.Desk.Temporal, id, "")
			return err
		})
		switch {
		case client.IsNotFound(err):
			continue
		case err != nil: // which names no id: one of them holds the number
			return nil, nil, e.Desk.Explain("looking for conversations", err)
		}
		if x := executionOf(described.GetWorkflowExecutionInfo()); !slices.ContainsFunc(conversations, func(c Execution) bool { return c.Run == x.Run }) {
			conversations = append(conversations, x)
		}
	}
	talked, err := e.whoTalked(ctx, conversations)
	if err != nil {
		return nil, nil, err
	}
	for id := range talked {
		runs, err := e.list(ctx, fmt.Sprintf("WorkflowId = '%s'", strings.ReplaceAll(id, "'", "''")))
		if err != nil {
			return nil, nil, e.Desk.Explain("looking for scripts", err)
		}
		scripts = append(scripts, runs...)
	}
	for _, name := range e.Scripts {
		runs, err := e.list(ctx, fmt.Sprintf("WorkflowType = '%s'", name))
		if err != nil {
			return nil, nil, e.Desk.Explain("looking for scripts", err)
		}
		runs = slices.DeleteFunc(runs, func(x Execution) bool { return talked[x.ID] })
		about, err := e.about(ctx, runs)
		if err != nil {
			return nil, nil, err
		}
		scripts = append(scripts, about...)
	}
	scripts = slices.DeleteFunc(scripts, func(x Execution) bool { return slices.Contains(e.Keep, x.ID) || wire.IsID(x.ID) })
	slices.SortFunc(scripts, func(a, b Execution) int { return strings.Compare(a.ID+a.Run, b.ID+b.Run) })
	return conversations, scripts, nil
}

func (e *erasure) list(ctx context.Context, query string) (all []Execution, err error) {
	err = e.Desk.EachWorkflow(ctx, query, math.MaxInt, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		all = append(all, executionOf(info))
		return true, nil
	})
	return all, err
}

// whoTalked are the workflow ids of the scripts that conversations know or have
// heard of.
func (e *erasure) whoTalked(ctx context.Context, conversations []Execution) (map[string]bool, error) {
	talked := map[string]bool{}
	note := func(raw []byte) {
		var found any
		if json.Unmarshal(raw, &found) == nil {
			scriptsIn(found, talked)
		}
	}
	for _, x := range conversations {
		var unread error
		err := e.Desk.EachEvent(ctx, x.ID, x.Run, func(event *historypb.HistoryEvent) {
			var payloads *commonpb.Payloads
			switch {
			case event.GetWorkflowExecutionStartedEventAttributes() != nil:
				payloads = event.GetWorkflowExecutionStartedEventAttributes().GetInput()
			case event.GetWorkflowExecutionSignaledEventAttributes() != nil:
				payloads = event.GetWorkflowExecutionSignaledEventAttributes().GetInput()
			}
			raw, err := e.json(payloads)
			if err != nil {
				unread = err
			}
			note(raw)
		})
		switch {
		case client.IsNotFound(err):
		case err != nil:
			return nil, e.Desk.Explain("reading a conversation's history", err)
		case unread != nil:
			return nil, fmt.Errorf("reading a conversation's history: %w", unread)
		}
	}
	return talked, nil
}

// scriptsIn collects what refers to a script, wherever in a state or an event it
// stands. What a script was to be started with is somebody else's, and may speak
// of any workflow.
func scriptsIn(value any, found map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "input" {
				continue
			}
			if ref, ok := inner.(map[string]any); ok && (name == "script" || name == "holder") {
				if id, ok := ref["workflow_id"].(string); ok && id != "" {
					found[id] = true
				}
			}
			scriptsIn(inner, found)
		}
	case []any:
		for _, inner := range v {
			scriptsIn(inner, found)
		}
	}
}

const readAtOnce = 8

// about are those runs whose input names the contact: they may not have talked yet.
func (e *erasure) about(ctx context.Context, runs []Execution) ([]Execution, error) {
	var mutex sync.Mutex
	var found []Execution
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for _, x := range runs {
		group.Go(func() error {
			started, _, err := e.Desk.Started(reading, x.ID, x.Run)
			switch {
			case client.IsNotFound(err):
				return nil
			case err != nil:
				return e.Desk.Explain("reading a script's input", err)
			}
			raw, err := e.json(started.GetInput())
			if err != nil {
				return fmt.Errorf("reading a script's input: %w", err)
			}
			var input any
			if json.Unmarshal(raw, &input) == nil && names(input, e.Contact) {
				mutex.Lock()
				defer mutex.Unlock()
				found = append(found, x)
			}
			return nil
		})
	}
	return found, group.Wait()
}

// names reports whether a number stands anywhere in a value, however it is written.
func names(value any, number sms.Number) bool {
	switch v := value.(type) {
	case string:
		n, err := numbers.Parse(v)
		return err == nil && n == number
	case map[string]any:
		for key, inner := range v {
			if names(key, number) || names(inner, number) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return names(inner, number) })
	}
	return false
}

// json is the arguments as one JSON array; what is no JSON is left out.
func (e *erasure) json(payloads *commonpb.Payloads) ([]byte, error) {
	all := []json.RawMessage{}
	for _, p := range payloads.GetPayloads() {
		var raw json.RawMessage
		if err := e.Desk.Converter.FromPayload(p, &raw); err != nil {
			if string(p.GetMetadata()["encoding"]) == "binary/plain" || string(p.GetMetadata()["encoding"]) == "binary/null" {
				continue
			}
			return nil, err
		}
		if json.Valid(raw) {
			all = append(all, raw)
		}
	}
	return json.Marshal(all)
}

// terminate ends those that run, and returns how many those were.
func (e *erasure) terminate(ctx context.Context, all []Execution) (n int, err error) {
	for _, x := range all {
		if !x.Running || e.deleted[x.Run] {
			continue
		}
		err := e.patiently(ctx, func(ctx context.Context) error { return e.Desk.Temporal.TerminateWorkflow(ctx, x.ID, x.Run, "erased") })
		if err != nil && !client.IsNotFound(err) {
			return n, err
		}
		n++
	}
	return n, nil
}

func (e *erasure) delete(ctx context.Context, all []Execution) (n int, err error) {
	for _, x := range all {
		if e.deleted[x.Run] {
			continue // it takes a while
		}
		err := e.patiently(ctx, func(ctx context.Context) error {
			_, err := e.Desk.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace: e.Desk.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: x.ID, RunId: x.Run},
			})
			return err
		})
		switch {
		case client.IsNotFound(err):
		case err != nil:
			return n, err
		default:
			e.deleted[x.Run] = true
			n++
		}
	}
	return n, nil
}

func (e *erasure) patiently(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := e.Desk.WithPatience(ctx)
	defer cancel()
	return call(ctx)
}
