package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	conversations "parley/conversation/client"
	"parley/sms"
)

// A memory is what is left of what the conversations with one contact knew.
type memory struct {
	ids   map[string]bool
	since time.Time // what is later and not in it was never known
}

// fate is what becomes of a text: a conversation that knows it has dealt
// with it, and one that has forgotten would answer it again.
func (m memory) fate(text sms.Inbound) fate {
	switch {
	case m.ids[text.ID]:
		return fateKnown
	case text.AcceptedAt.Before(m.since):
		return fateUnsure
	}
	return fateSignalled
}

// A rememberer asks conversations what they know, each once.
type rememberer struct {
	server    *server
	from      time.Time // nothing earlier matters
	known     map[string]memory
	retention time.Duration
}

func (r *rememberer) memory(ctx context.Context, contact sms.Number, sender sms.Sender) (memory, error) {
	id := r.server.id(contact, sender)
	if m, asked := r.known[id]; asked {
		return m, nil
	}
	m, err := r.remember(ctx, id)
	if err == nil {
		r.known[id] = m
	}
	return m, err
}

// remember goes back through a contact's conversations, the running one first,
// until one began before everything that matters.
func (r *rememberer) remember(ctx context.Context, id string) (memory, error) {
	m := memory{ids: map[string]bool{}, since: r.from}
	if err := r.fromArchive(ctx, id, &m); err != nil {
		return m, err
	}
	last, err := r.server.desk.Describe(ctx, id, "")
	switch {
	case errors.Is(err, conversations.ErrNotFound):
		return m, r.forgets(ctx, &m)
	case err != nil:
		return m, err
	}
	enough, err := r.read(ctx, last, &m)
	if err != nil || enough {
		return m, err
	}
	const most = 1000 // conversations, one after the other
	query := fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus != 'ContinuedAsNew'", id)
	err = r.server.desk.EachConversation(ctx, query, most, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if info.GetExecution().GetRunId() == last.GetExecution().GetRunId() || conversations.IsRunning(info) || info.GetCloseTime().AsTime().Before(r.from) {
			return true, nil
		}
		var err error
		enough, err = r.read(ctx, info, &m)
		return !enough, err
	})
	if err != nil || enough {
		return m, r.server.explain("looking for earlier conversations", err)
	}
	return m, r.forgets(ctx, &m)
}

// read adds what one conversation knows, and reports whether it goes back to
// before everything that matters.
func (r *rememberer) read(ctx context.Context, info *workflowpb.WorkflowExecutionInfo, m *memory) (enough bool, err error) {
	v, err := r.server.desk.Read(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
	if err != nil {
		return false, err
	}
	s := v.Conversation
	oldest := time.Now() // of the texts of the contact that are left
	for _, text := range conversations.Messages(&s) {
		if text.Key == "" {
			m.ids[text.MessageID] = true
			oldest = earlier(oldest, text.At)
		}
	}
	for _, seen := range s.Seen {
		if text, ok := strings.CutPrefix(seen.ID, "in:"); ok {
			m.ids[text] = true
		}
	}
	if s.Evicted > 0 && oldest.After(m.since) {
		m.since = oldest
	}
	return s.StartedAt.Before(r.from.Add(-clocksApart)), nil
}

// clocksApart is how far Sinch's clock may be from Temporal's.
const clocksApart = time.Minute

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// fromArchive adds what the archive has. What it lacks may have been known all
// the same: it may be younger than the conversation.
func (r *rememberer) fromArchive(ctx context.Context, id string, m *memory) error {
	records, err := r.server.desk.Recent(ctx, id, archiveReach)
	for _, record := range records {
		if record.Message.Key == "" {
			m.ids[record.Message.MessageID] = true
		}
	}
	return err
}

// forgets notes that conversations which closed longer ago than the namespace's
// retention are gone.
func (r *rememberer) forgets(ctx context.Context, m *memory) error {
	if r.retention == 0 {
		ctx, cancel := r.server.desk.WithPatience(ctx)
		defer cancel()
		namespace, err := r.server.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: r.server.options.Namespace})
		if err != nil {
			return r.server.explain("reading the namespace's retention", err)
		}
		r.retention = namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	}
	if since := time.Now().Add(-r.retention); since.After(m.since) {
		m.since = since
	}
	return nil
}

// archiveReach is how many messages of a conversation the archive is asked for.
const archiveReach = 1000
