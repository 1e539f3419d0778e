package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

type proofCmd struct {
	Message string `arg:"" placeholder:"KEY" help:"A message's key as send prints it, or Sinch's id of it."`
	Search  int    `default:"100" placeholder:"N" help:"How many conversations to look through for a message that nothing leads to, the newest first. Default: ${default}."`
	archiveFlags
	linkFlag
}

// Help is the long help.
func (*proofCmd) Help() string {
	return `Prints what was sent, when, when the carrier took it, and every status since, with
its time and reason. A text that did not arrive and was sent once more is shown
with those that repeat it. Times of the carrier's doing are by its clock.

It looks in the conversation as it is now, which needs a worker if that runs; in
what the conversation knew when its earlier runs ended; in the archive, if there
is one; and in the raw history of its runs. Each text says where it was found. If
nothing has it, you are told where was looked, and the exit code is 1.`
}

// proof is what is known about a message, and about those that it repeats or
// that repeat it.
type proof struct {
	Message    string     `json:"message"` // that was asked for
	WorkflowID string     `json:"workflow_id"`
	Link       string     `json:"link,omitempty"`
	Number     sms.Number `json:"number"`
	Sender     sms.Sender `json:"sender,omitempty"`
	Evidence   []evidence `json:"evidence"`       // oldest first
	Note       string     `json:"note,omitempty"` // why there may be more
}

// evidence is a message, and where it was found.
type evidence struct {
	Source  source           `json:"source"`
	AsOf    time.Time        `json:"as_of,omitzero"` // it may have changed since
	Message wire.Message     `json:"message"`
	Parked  *wire.ParkedMark `json:"parked,omitempty"`
}

// A source says how good a piece of evidence is.
type source string

const (
	fromNow     source = "conversation" // as it is now, or was when it closed
	fromBefore  source = "earlier run"  // as it was when that ended, and what its history tells since
	fromRecords source = "archive"      //
	fromHistory source = "history"      // put together from its events: who wrote it is not known
)

// Run prints the proof.
func (c *proofCmd) Run(ctx context.Context, a *app) error {
	what := strings.TrimSpace(c.Message)
	key, firstRun, isKey := conversations.ParseKey(what)
	if !isKey && !conversations.IsMessageID(what) {
		return usagef("%q is neither a message's key nor its id at Sinch", what)
	}
	s, err := a.connect(ctx, workFlags{linkFlag: c.linkFlag})
	if err != nil {
		return err
	}
	defer s.Close()
	s.desk.Archive = records{s, c.archiveFlags}
	d := digger{server: s, archive: c.archiveFlags, search: c.Search}
	var found proof
	if isKey {
		found, err = d.byKey(ctx, key, firstRun)
	} else {
		found, err = d.byMessageID(ctx, what)
	}
	if err != nil {
		return err
	}
	found.Message, found.Link = what, s.link(found.WorkflowID)
	return a.print(found)
}

// byMessageID finds a message by the carrier's id. The archive knows at once
// whose it is; without one, conversations are asked.
func (d digger) byMessageID(ctx context.Context, id string) (proof, error) {
	var p proof
	r, err := d.server.archived(ctx, d.archive, id)
	m := kept(r)
	if err == nil {
		p = proof{WorkflowID: r.Conversation, Evidence: []evidence{{Source: fromRecords, AsOf: r.At, Message: m}}}
	} else {
		v, searched := d.server.desk.Search(ctx, d.search, id, func(m wire.Message) bool { return m.MessageID == id })
		searched = searchFurther(searched, d.search)
		if searched != nil && errors.Is(err, activities.ErrNoRecord) {
			return proof{}, fmt.Errorf("%w; %s", searched, d.archive.nothing())
		}
		if searched != nil {
			return proof{}, errors.Join(searched, err)
		}
		m = *v.Message
		p = proof{WorkflowID: v.WorkflowID, Evidence: []evidence{{Source: fromNow, Message: m}}}
	}
	if key, firstRun, ok := conversations.ParseKey(m.Key); ok {
		return d.byKey(ctx, key, firstRun)
	}
	with := d.server.desk.Whose(ctx, p.WorkflowID)
	p.Number, p.Sender = with.Contact, with.Sender
	return p, nil
}

func (p proof) text(w io.Writer, zone *time.Location) {
	out := &page{w: w, zone: zone}
	out.line("%s%s · %s", p.Number, overSender(p.Sender), p.WorkflowID)
	if p.Link != "" {
		out.line("%s", p.Link)
	}
	for _, e := range p.Evidence {
		out.line("")
		out.evidence(e)
	}
	if p.Note != "" {
		out.line("")
		out.line("! %s", p.Note)
	}
}

// moment is a time to be relied on: a proof leaves the room it was printed in.
const moment = "2 Jan 2006 15:04:05 MST"

func (p *page) moment(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return t.In(p.zone).Format(moment)
}

func (p *page) evidence(e evidence) {
	m := e.Message
	about := []string{"From " + m.From}
	switch {
	case m.Key == "":
		about[0] = "From the contact"
	case m.From == "":
		about[0] = "From us"
	}
	if m.Reference != "" {
		about = append(about, m.Reference)
	}
	if m.Key != "" {
		about = append(about, "key "+m.Key)
	}
	p.line("%s", strings.Join(about, " · "))
	if m.ResendOf != "" {
		p.line("Repeats %s, which did not arrive", m.ResendOf)
	}
	p.words(m.Text)
	for _, step := range steps(m) {
		line := fmt.Sprintf("  %s  %s", p.moment(step.At), step.Status)
		if step.Reason != "" {
			line += ": " + step.Reason
		}
		if step.MessageID != "" {
			line += " · Sinch's id " + step.MessageID
		}
		p.line("%s", line)
	}
	if m.Delivery != nil && !m.Delivery.NextTry.IsZero() {
		p.line("  %s  next try", p.moment(m.Delivery.NextTry))
	}
	if m.Attempts > 0 {
		p.line("  handed to the carrier %d times, since it was in doubt whether that took it", m.Attempts+1)
	}
	if m.Fallback != "" {
		p.line("  fallback: %s", m.Fallback)
	}
	if e.Parked != nil {
		p.line("  %s  parked (%s): %s · %s", p.moment(e.Parked.At), e.Parked.Code, e.Parked.Reason, e.Parked.ID)
	}
	switch e.Source {
	case fromNow:
	case fromBefore:
		p.line("  from an earlier run of its conversation, as of %s, and the history since", p.moment(e.AsOf))
	case fromRecords:
		p.line("  from the archive, as of %s", p.moment(e.AsOf))
	case fromHistory:
		p.line("  put together from the history of its conversation, which itself no longer knows it")
	}
}

// steps are how a message came to its status. Messages that were sent before
// steps were kept have at least the last one.
func steps(m wire.Message) []wire.Step {
	if m.Key == "" {
		all := []wire.Step{{Status: "received", At: m.At, MessageID: m.MessageID}}
		if !m.Accepted.IsZero() {
			all = append([]wire.Step{{Status: "taken by the carrier", At: m.Accepted}}, all...)
		}
		return all
	}
	all := append([]wire.Step{{Status: sms.StatusQueued, At: m.At}}, m.Steps...)
	if last := all[len(all)-1]; last.Status != m.Status && m.Status != "" {
		all = append(all, wire.Step{Status: m.Status, Reason: m.Reason, At: m.StatusAt, MessageID: m.MessageID})
	}
	// A receipt may have been faster than the answer that said so.
	told := func(s wire.Step) bool { return s.Status == sms.StatusAccepted }
	if !m.Accepted.IsZero() && !slices.ContainsFunc(all, told) {
		later := slices.IndexFunc(all, func(s wire.Step) bool { return sms.StatusAccepted.Before(s.Status) })
		if later < 0 {
			later = len(all)
		}
		all = slices.Insert(all, later, wire.Step{Status: sms.StatusAccepted, At: m.Accepted, MessageID: m.MessageID})
	}
	return all
}
