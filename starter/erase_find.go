package main

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

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
	"parley/workflows"
)

// An execution is one run of a workflow.
type execution struct {
	id, run, workflowType string
	running               bool
}

func executionOf(info *workflowpb.WorkflowExecutionInfo) execution {
	return execution{info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), info.GetType().GetName(), isRunning(info)}
}

// suppress keeps whatever comes from now on from being answered.
func (e *eraser) suppress(ctx context.Context) error {
	suppressions := conversations.TemporalSuppressions{Client: e.server.Client, TaskQueue: e.server.conversations.TaskQueue, IDs: e.server.conversations.IDs}
	if err := suppressions.Suppress(ctx, e.contact); err != nil {
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
func (e *eraser) find(ctx context.Context) (conversations, scripts []execution, err error) {
	var which []string
	for _, id := range e.idsOf() {
		which = append(which, fmt.Sprintf("WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s:'", id, id))
	}
	conversations, err = e.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND (%s)", wire.WorkflowType, strings.Join(which, " OR ")))
	if err != nil {
		return nil, nil, e.server.explain("looking for conversations", err)
	}
	for _, id := range e.idsOf() { // one that began a moment ago is not listed yet
		var described *workflowservice.DescribeWorkflowExecutionResponse
		err := e.patiently(ctx, func(ctx context.Context) (err error) {
			described, err = e.server.DescribeWorkflowExecution(ctx, id, "")
			return err
		})
		switch {
		case isNotFound(err):
			continue
		case err != nil: // which names no id: one of them holds the number
			return nil, nil, e.server.explain("looking for conversations", err)
		}
		if x := executionOf(described.GetWorkflowExecutionInfo()); !slices.ContainsFunc(conversations, func(c execution) bool { return c.run == x.run }) {
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
			return nil, nil, e.server.explain("looking for scripts", err)
		}
		scripts = append(scripts, runs...)
	}
	for _, name := range workflows.Names() {
		runs, err := e.list(ctx, fmt.Sprintf("WorkflowType = '%s'", name))
		if err != nil {
			return nil, nil, e.server.explain("looking for scripts", err)
		}
		runs = slices.DeleteFunc(runs, func(x execution) bool { return talked[x.id] })
		about, err := e.about(ctx, runs)
		if err != nil {
			return nil, nil, err
		}
		scripts = append(scripts, about...)
	}
	scripts = slices.DeleteFunc(scripts, func(x execution) bool { return slices.Contains(e.keep, x.id) || wire.IsID(x.id) })
	slices.SortFunc(scripts, func(a, b execution) int { return strings.Compare(a.id+a.run, b.id+b.run) })
	return conversations, scripts, nil
}

func (e *eraser) list(ctx context.Context, query string) (all []execution, err error) {
	err = e.server.eachWorkflow(ctx, query, math.MaxInt, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		all = append(all, executionOf(info))
		return true, nil
	})
	return all, err
}

// whoTalked are the workflow ids of the scripts that conversations know or have
// heard of.
func (e *eraser) whoTalked(ctx context.Context, conversations []execution) (map[string]bool, error) {
	talked := map[string]bool{}
	note := func(raw []byte) {
		var found any
		if json.Unmarshal(raw, &found) == nil {
			scriptsIn(found, talked)
		}
	}
	for _, x := range conversations {
		var unread error
		err := e.server.eachEvent(ctx, x.id, x.run, func(event *historypb.HistoryEvent) {
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
		case isNotFound(err):
		case err != nil:
			return nil, e.server.explain("reading a conversation's history", err)
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
func (e *eraser) about(ctx context.Context, runs []execution) ([]execution, error) {
	var mutex sync.Mutex
	var found []execution
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for _, x := range runs {
		group.Go(func() error {
			started, _, err := e.server.started(reading, x.id, x.run)
			switch {
			case isNotFound(err):
				return nil
			case err != nil:
				return e.server.explain("reading a script's input", err)
			}
			raw, err := e.json(started.GetInput())
			if err != nil {
				return fmt.Errorf("reading a script's input: %w", err)
			}
			var input any
			if json.Unmarshal(raw, &input) == nil && names(input, e.contact) {
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
		n, err := sms.ParseNumber(v)
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
func (e *eraser) json(payloads *commonpb.Payloads) ([]byte, error) {
	all := []json.RawMessage{}
	for _, p := range payloads.GetPayloads() {
		var raw json.RawMessage
		if err := e.server.dataConverter().FromPayload(p, &raw); err != nil {
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
func (e *eraser) terminate(ctx context.Context, all []execution) (n int, err error) {
	for _, x := range all {
		if !x.running || e.deleted[x.run] {
			continue
		}
		err := e.patiently(ctx, func(ctx context.Context) error { return e.server.TerminateWorkflow(ctx, x.id, x.run, "erased") })
		if err != nil && !isNotFound(err) {
			return n, err
		}
		n++
	}
	return n, nil
}

func (e *eraser) delete(ctx context.Context, all []execution) (n int, err error) {
	for _, x := range all {
		if e.deleted[x.run] {
			continue // it takes a while
		}
		err := e.patiently(ctx, func(ctx context.Context) error {
			_, err := e.server.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace: e.server.options.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: x.id, RunId: x.run},
			})
			return err
		})
		switch {
		case isNotFound(err):
		case err != nil:
			return n, err
		default:
			e.deleted[x.run] = true
			n++
		}
	}
	return n, nil
}

func (e *eraser) patiently(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := e.server.patience(ctx)
	defer cancel()
	return call(ctx)
}
