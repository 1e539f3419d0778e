package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/wording"
	"parley/sms"
)

// mending deals with what is parked in one or many conversations.
type mending struct {
	*app
	server *server
	does   conversations.Mending
	report mended
}

func newMending(a *app, s *server, does conversations.Mending) *mending {
	does.By, does.Key = userName(), strings.ToLower(rand.Text())
	return &mending{app: a, server: s, does: does, report: mended{DryRun: does.DryRun, retries: !does.Skip}}
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
	fmt.Fprintf(w, "%s %s to try %s again\n", told, wording.Counted(m.told(), "conversation"), wording.Counted(m.Total, "parked thing"))
}

// line tells of one conversation.
func (m mended) line(w io.Writer, c mendedConversation) {
	over := overSender(c.Sender)
	switch {
	case c.LeftOut != "":
		fmt.Fprintf(w, "%s%s  left out: %s\n", c.Number, over, wording.Printable(c.LeftOut))
	case len(c.Parked) == 0:
		fmt.Fprintf(w, "%s%s  %s: %s\n", c.Number, over, m.didUnseen(), wording.Printable(c.Attention))
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

// one deals with a single conversation, and fails if there is nothing to do.
func (m *mending) one(ctx context.Context, contact sms.Number, sender sms.Sender) error {
	var did conversations.Mended
	c, err := m.server.desk.ParkedWith(ctx, contact, sender)
	if err == nil {
		did, err = m.server.desk.Mend(ctx, c, m.does)
		if err != nil && !errors.Is(err, conversations.ErrClosed) {
			err = m.server.explain("telling the conversation", err)
		}
	}
	switch {
	case errors.Is(err, conversations.ErrClosed):
		return fmt.Errorf("no conversation with %s%s is running, so nothing is parked there", contact, overSender(sender))
	case err != nil:
		return err
	case did.LeftOut != "":
		return fmt.Errorf("with %s%s: %s", contact, overSender(sender), leftOut[did.LeftOut])
	}
	m.add(did)
	if !m.JSON {
		return nil
	}
	return m.print(m.report)
}

// all deals with many conversations, and tells how far it came if that was not
// to the end.
func (m *mending) all(ctx context.Context, all []conversations.ParkedConversation, pace pace) error {
	m.report.Conversations = []mendedConversation{} // in JSON an empty list, not null
	n, err := m.server.desk.MendAll(ctx, all, m.does, pace.steps(), m.add)
	if err != nil {
		err = m.server.explain(fmt.Sprintf("after %d of %s", n, wording.Counted(len(all), "conversation")), err)
		return errors.Join(m.print(m.report), fmt.Errorf("%w; the same command goes on with the rest", err))
	}
	return m.print(m.report)
}

// leftOut are the words for why nothing was done.
var leftOut = map[conversations.LeftOut]string{
	conversations.LeftOutOptedOut: "the contact opted out, so nothing can be tried again",
	conversations.LeftOutNothing:  "nothing is parked",
	conversations.LeftOutOther:    "something is parked, but not that: see parley parked",
	conversations.LeftOutNameless: "an older build parked it without an id, so it cannot be picked out: leave out --reason, --since and --id",
	conversations.LeftOutClosed:   "it has closed meanwhile",
}

// add notes what was done, and prints it: there may be many more to come.
func (m *mending) add(did conversations.Mended) {
	row := mendedConversation{WorkflowID: did.WorkflowID, Number: did.Number, Sender: did.Sender, Parked: []wire.ParkedMark{}, LeftOut: leftOut[did.LeftOut]}
	if did.LeftOut == "" {
		row.Parked = append(row.Parked, did.Chosen...)
		if len(did.Chosen) == 0 {
			row.Attention = did.Attention
		}
	}
	m.report.Conversations = append(m.report.Conversations, row)
	m.report.Total += len(row.Parked)
	if !m.JSON {
		m.report.line(m.stdout, row)
	}
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
