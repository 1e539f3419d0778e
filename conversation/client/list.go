package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
	"parley/sms"
)

// A Row is a running conversation as visibility knows it, a second or two late. State
// and scripts are search attributes, and empty without them.
type Row struct {
	WorkflowID string     `json:"workflow_id"`
	Number     sms.Number `json:"number"`
	Sender     sms.Sender `json:"sender,omitempty"`
	State      string     `json:"state,omitempty"`
	Attention  string     `json:"attention,omitempty"` // why a person should look
	Scripts    []string   `json:"scripts,omitempty"`
	Started    time.Time  `json:"started"`
}

// A Filter says which running conversations are listed.
type Filter struct {
	State     string // one of wire's; empty: any
	Attention bool   // only those that a person should look at
	Limit     int
}

// ErrUnfilterable is returned where a namespace lacks the search attributes that a
// filter needs.
var ErrUnfilterable = errors.New("the namespace lacks the search attributes of conversations")

// List returns running conversations, the newest run first.
func (d Desk) List(ctx context.Context, f Filter) ([]Row, error) {
	found := []Row{} // in JSON an empty list, not null
	err := d.EachConversation(ctx, f.query(), f.Limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if row, ok := d.Row(info); ok {
			found = append(found, row)
		}
		return true, nil
	})
	if _, invalid := errors.AsType[*serviceerror.InvalidArgument](err); invalid && (f.State != "" || f.Attention) {
		return nil, ErrUnfilterable
	}
	return found, d.Explain("listing conversations", err)
}

func (f Filter) query() string {
	query := "ExecutionStatus = 'Running'"
	if f.State != "" {
		query += fmt.Sprintf(" AND %s = '%s'", wire.StateAttribute.GetName(), f.State)
	}
	if f.Attention {
		query += fmt.Sprintf(" AND %s = true", wire.AttentionAttribute.GetName())
	}
	return query
}

// EachConversation goes through the conversations that visibility finds, the
// newest first, until the limit is reached or visit has seen enough.
func (d Desk) EachConversation(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (more bool, err error)) error {
	return d.EachWorkflow(ctx, fmt.Sprintf("WorkflowType = '%s' AND %s", wire.WorkflowType, query), limit, visit)
}

// EachWorkflow goes through workflows as EachConversation goes through conversations.
func (d Desk) EachWorkflow(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (more bool, err error)) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(min(limit, 100)), //nolint:gosec // a hundred fits
		Query:    query,
	}
	for {
		page, err := d.page(ctx, request)
		if err != nil {
			return err
		}
		for _, info := range page.GetExecutions() {
			if limit--; limit < 0 {
				return nil
			}
			if more, err := visit(info); err != nil || !more {
				return err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 || limit == 0 {
			return nil
		}
	}
}

func (d Desk) page(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	return d.Temporal.ListWorkflow(ctx, request)
}

// EachMarked goes through the running conversations of which a condition on
// search attributes is true, and through those that have no attributes: they
// began before these were registered. Where they are not registered, it goes
// through all.
func (d Desk) EachMarked(ctx context.Context, condition string, visit func(*workflowpb.WorkflowExecutionInfo)) error {
	each := func(query string) error {
		return d.EachConversation(ctx, query, math.MaxInt, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
			visit(info)
			return true, nil
		})
	}
	err := each(fmt.Sprintf("ExecutionStatus = 'Running' AND (%s OR %s IS NULL)", condition, wire.StateAttribute.GetName()))
	if _, unregistered := errors.AsType[*serviceerror.InvalidArgument](err); unregistered {
		return each("ExecutionStatus = 'Running'")
	}
	return err
}

// Who is whom a conversation is with; nobody's number if that cannot be decrypted.
// It is not ok for a workflow whose id somebody else made.
func (d Desk) Who(info *workflowpb.WorkflowExecutionInfo) (who wire.Start, ok bool) {
	id := info.GetExecution().GetWorkflowId()
	if contact, sender, err := wire.ParseID(id); err == nil {
		return wire.Start{Contact: contact, Sender: sender}, true
	}
	memo := info.GetMemo().GetFields()[wire.WhoMemo]
	if memo != nil && wire.IsID(id) {
		ok = true
		if err := d.Converter.FromPayload(memo, &who); err != nil {
			who = wire.Start{}
		}
	}
	return who, ok
}

// Whose conversation has an id; nobody's that is known if the id holds no number
// and Temporal has nothing left of it.
func (d Desk) Whose(ctx context.Context, id string) wire.Start {
	if contact, sender, err := wire.ParseID(id); err == nil {
		return wire.Start{Contact: contact, Sender: sender}
	}
	info, err := d.Describe(ctx, id, "")
	if err != nil {
		return wire.Start{}
	}
	who, _ := d.Who(info)
	return who
}

// Row reads what visibility knows of a conversation. It is not ok for a workflow whose id somebody else made.
func (d Desk) Row(info *workflowpb.WorkflowExecutionInfo) (Row, bool) {
	who, ok := d.Who(info)
	if !ok {
		return Row{}, false
	}
	row := Row{WorkflowID: info.GetExecution().GetWorkflowId(), Number: who.Contact, Sender: who.Sender, Started: info.GetStartTime().AsTime()}
	fields := info.GetSearchAttributes().GetIndexedFields()
	decoded(fields[wire.StateAttribute.GetName()], &row.State)
	decoded(fields[wire.ScriptAttribute.GetName()], &row.Scripts)
	var attention wire.Attention
	if memo := info.GetMemo().GetFields()[wire.AttentionMemo]; memo != nil {
		err := d.Converter.FromPayload(memo, &attention)
		if unreadable, ok := errors.AsType[Unreadable](err); ok {
			attention.Reason = unreadable.Error()
		}
	}
	row.Attention = attention.Reason
	return row, true
}

// decoded reads a search attribute, which is never encrypted. It leaves value as it
// is if there is nothing, or something else.
func decoded(payload *commonpb.Payload, value any) {
	if payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, value)
	}
}
