package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	conversations "parley/conversation/client"
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

// Run prints the proof.
func (c *proofCmd) Run(ctx context.Context, a *app) error {
	what := strings.TrimSpace(c.Message)
	sought := conversations.Sought{MessageID: what, Search: c.Search}
	if key, _, ok := conversations.ParseKey(what); ok {
		sought = conversations.Sought{Key: key, Search: c.Search}
	} else if !conversations.IsMessageID(what) {
		return usagef("%q is neither a message's key nor its id at Sinch", what)
	}
	s, err := a.connect(ctx, workFlags{linkFlag: c.linkFlag})
	if err != nil {
		return err
	}
	defer s.Close()
	s.desk.Archive = c.messages()
	found, err := s.desk.Prove(ctx, sought)
	if err != nil {
		return c.inVain(s, err)
	}
	found.Message, found.Link = what, s.link(found.WorkflowID)
	return a.print(proof(found))
}

// inVain says where was looked.
func (c *proofCmd) inVain(s *server, err error) error {
	if none, ok := errors.AsType[*conversations.NoTrace](err); ok {
		return fmt.Errorf("no trace of %s: %s; %s", none.Key, c.nowhere(s, none), c.nothing())
	}
	none, ok := errors.AsType[*conversations.Unproven](err)
	if !ok {
		return err
	}
	asked := searchFurther(none.Asked, c.Search)
	if none.Archive != nil {
		return errors.Join(asked, none.Archive)
	}
	return fmt.Errorf("%w; %s", asked, c.nothing())
}

// nowhere says what is left of the message's conversation in Temporal.
func (c *proofCmd) nowhere(s *server, none *conversations.NoTrace) string {
	switch {
	case none.WorkflowID == "":
		return fmt.Sprintf("no history is left of its conversation, neither in the visibility of namespace %q nor among the %d newest conversations (a new one is listed a second or two late)", s.options.Namespace, c.Search)
	case none.Note != "":
		return fmt.Sprintf("what is left of the history of %s does not have it; %s", none.WorkflowID, none.Note)
	case none.Number() > none.LastKey:
		return fmt.Sprintf("%s has given out keys up to -%d only", none.WorkflowID, none.LastKey)
	}
	return fmt.Sprintf("%s no longer knows it, and what is left of its history does not have it", none.WorkflowID)
}

// proof is what is known about a message, as it is printed.
type proof conversations.Proof

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

func (p *page) evidence(e conversations.Evidence) {
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
	for _, step := range conversations.Steps(m) {
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
	case conversations.FromNow:
	case conversations.FromBefore:
		p.line("  from an earlier run of its conversation, as of %s, and the history since", p.moment(e.AsOf))
	case conversations.FromArchive:
		p.line("  from the archive, as of %s", p.moment(e.AsOf))
	case conversations.FromHistory:
		p.line("  put together from the history of its conversation, which itself no longer knows it")
	}
}
