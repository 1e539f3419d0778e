package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

// mending deals with what is parked in one or many conversations.
type mending struct {
	*app
	server *server
	wanted choice
	why    string
	key    string // by which a repeated signal is known
	report mended
}

// mended is what was done, for --json.
type mended struct {
	DryRun        bool                 `json:"dry_run,omitempty"`
	Conversations []mendedConversation `json:"conversations"`
	Total         int                  `json:"total"` // parked things
	retries       bool
}

type mendedConversation struct {
	WorkflowID string            `json:"workflow_id"`
	Number     sms.Number        `json:"number"`
	Sender     sms.Sender        `json:"sender,omitempty"`
	Parked     []wire.ParkedMark `json:"parked"`
	Attention  string            `json:"attention,omitempty"` // if it does not say what is parked
	LeftOut    string            `json:"left_out,omitempty"`  // why nothing was done
}

// did are the words for what is done.
func (m mended) did() string {
	switch {
	case m.DryRun:
		return "would be tried again"
	case m.retries:
		return "is tried again"
	}
	return "is given up"
}

// didUnseen are they where nobody can see what is parked, if anything.
func (m mended) didUnseen() string {
	if m.retries {
		return m.did() + ", whatever it is"
	}
	return "needs nobody any more"
}

// text is the total: what was done with each conversation has been printed.
func (m mended) text(w io.Writer, _ *time.Location) {
	told := "told"
	if m.DryRun {
		told = "would tell"
	}
	fmt.Fprintf(w, "%s %s to try %s again\n", told, counted(m.told(), "conversation"), counted(m.Total, "parked thing"))
}

// line tells of one conversation.
func (m mended) line(w io.Writer, c mendedConversation) {
	over := overSender(c.Sender)
	switch {
	case c.LeftOut != "":
		fmt.Fprintf(w, "%s%s  left out: %s\n", c.Number, over, printable(c.LeftOut))
	case len(c.Parked) == 0:
		fmt.Fprintf(w, "%s%s  %s: %s\n", c.Number, over, m.didUnseen(), printable(c.Attention))
	}
	for _, p := range c.Parked {
		if c.LeftOut == "" {
			fmt.Fprintf(w, "%s%s  %s  %s  %s\n", c.Number, over, m.did(), orDash(string(p.Code)), orDash(p.ID))
		}
	}
}

func (m mended) told() int {
	n := 0
	for _, c := range m.Conversations {
		if c.LeftOut == "" {
			n++
		}
	}
	return n
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// one deals with a single conversation, and fails if there is nothing to do.
func (m *mending) one(ctx context.Context, contact sms.Number, sender sms.Sender) error {
	id := m.server.id(contact, sender)
	info, err := m.server.desk.Describe(ctx, id, "")
	nothing := fmt.Errorf("no conversation with %s%s is running, so nothing is parked there", contact, overSender(sender))
	switch {
	case errors.Is(err, conversations.ErrNotFound), err == nil && !conversations.IsRunning(info):
		return nothing
	case err != nil:
		return err
	}
	c, _ := m.server.parkedIn(info)
	did, err := m.tell(ctx, c)
	switch {
	case errors.Is(err, conversations.ErrClosed):
		return nothing
	case err != nil:
		return m.server.explain("telling the conversation", err)
	case did.LeftOut != "":
		return fmt.Errorf("with %s%s: %s", contact, overSender(sender), did.LeftOut)
	}
	m.add(did)
	if !m.JSON {
		return nil
	}
	return m.print(m.report)
}

// all deals with many conversations, and tells how far it came if that was not
// to the end.
func (m *mending) all(ctx context.Context, all []parkedConversation, pace pace) error {
	m.report.Conversations = []mendedConversation{} // in JSON an empty list, not null
	next := pace.steps()
	for i, c := range all {
		var did mendedConversation
		var err error
		if !m.report.DryRun {
			err = next(ctx)
		}
		if err == nil {
			did, err = m.tell(ctx, c)
		}
		if errors.Is(err, conversations.ErrClosed) {
			did, err = of(c), nil
			did.LeftOut = "it has closed meanwhile"
		}
		if err != nil {
			err = m.server.explain(fmt.Sprintf("after %d of %s", i, counted(len(all), "conversation")), err)
			return errors.Join(m.print(m.report), fmt.Errorf("%w; the same command goes on with the rest", err))
		}
		m.add(did)
	}
	return m.print(m.report)
}

// add notes what was done, and prints it: there may be many more to come.
func (m *mending) add(did mendedConversation) {
	m.report.Conversations = append(m.report.Conversations, did)
	if did.LeftOut == "" {
		m.report.Total += len(did.Parked)
	}
	if !m.JSON {
		m.report.line(m.stdout, did)
	}
}

func of(c parkedConversation) mendedConversation {
	return mendedConversation{WorkflowID: c.WorkflowID, Number: c.Number, Sender: c.Sender, Parked: []wire.ParkedMark{}}
}

// tell signals a conversation what to do with what was chosen there.
func (m *mending) tell(ctx context.Context, c parkedConversation) (mendedConversation, error) {
	did := of(c)
	mend, parked, problem := m.mend(c)
	if did.LeftOut = problem; problem != "" {
		return did, nil
	}
	did.Parked = append(did.Parked, parked...)
	if len(parked) == 0 {
		did.Attention = c.Attention
	}
	if m.report.DryRun {
		return did, nil
	}
	ctx, cancel := m.server.desk.WithPatience(ctx)
	defer cancel()
	if m.report.retries {
		return did, m.server.desk.Retry(ctx, c.Number, c.Sender, m.key, mend)
	}
	return did, m.server.desk.Skip(ctx, c.Number, c.Sender, m.key, mend)
}

// mend is what to say to a conversation, or why there is nothing to say. It
// names what it is about: what was parked since we looked waits for somebody who
// has seen it.
func (m *mending) mend(c parkedConversation) (mend wire.Mend, parked []wire.ParkedMark, problem string) {
	mend = wire.Mend{By: userName(), Why: m.why}
	parked = m.wanted.among(c.marks)
	nameless := slices.ContainsFunc(parked, func(p wire.ParkedMark) bool { return p.ID == "" })
	switch {
	case m.report.retries && c.State == wire.StateOptedOut:
		return mend, nil, "the contact opted out, so nothing can be tried again"
	case !c.known && c.Attention != "" && m.wanted.everything():
		return mend, nil, "" // of an older build: only the conversation itself knows
	case !m.report.retries && len(c.marks) == 0 && c.Attention != "" && m.wanted.everything():
		return mend, nil, "" // what asks for attention has been seen
	case len(c.marks) == 0:
		return mend, nil, "nothing is parked"
	case len(parked) == 0:
		return mend, nil, "something is parked, but not that: see parley parked"
	case nameless && len(parked) < len(c.marks):
		return mend, nil, "an older build parked it without an id, so it cannot be picked out: leave out --reason, --since and --id"
	case nameless:
		return mend, parked, ""
	}
	for _, p := range parked {
		mend.IDs = append(mend.IDs, p.ID)
	}
	return mend, parked, ""
}

func overSender(sender sms.Sender) string {
	if sender == "" {
		return ""
	}
	return " over " + string(sender)
}

// userName is who sits at the terminal, as far as the machine knows.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}
