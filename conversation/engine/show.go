package engine

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

const detailedMessages = 8 // the latest

// show makes the Temporal UI tell what is going on.
func (c *conversation) show() {
	workflow.SetCurrentDetails(c.ctx, c.details())
	want, is := c.shown(), c.Shown
	c.Shown = want
	if want.Attention != is.Attention || !slices.Equal(want.Parked, is.Parked) {
		c.upsertMemo(map[string]any{wire.AttentionMemo: c.state.Attention(), wire.ParkedMemo: c.parkedMarks()})
	}
	if !c.state.Settings.SearchAttributes {
		return
	}
	var updates []temporal.SearchAttributeUpdate
	if want.State != is.State {
		updates = append(updates, wire.StateAttribute.ValueSet(want.State))
	}
	if (want.Attention != "") != (is.Attention != "") {
		updates = append(updates, wire.AttentionAttribute.ValueSet(want.Attention != ""))
	}
	if !slices.Equal(want.Scripts, is.Scripts) {
		updates = append(updates, wire.ScriptAttribute.ValueSet(want.Scripts))
	}
	if len(updates) > 0 {
		if err := workflow.UpsertTypedSearchAttributes(c.ctx, updates...); err != nil {
			workflow.GetLogger(c.ctx).Warn("Could not set search attributes", "error", err)
		}
	}
}

// renewMemo writes the memo again. The server hands it from run to run as it is: in
// clear from before there were keys, or under a key that is to be taken away.
func (c *conversation) renewMemo() {
	inherited := c.info.Memo.GetFields()
	memo := map[string]any{}
	if inherited[wire.WhoMemo] != nil {
		memo[wire.WhoMemo] = wire.Start{Contact: c.state.Contact, Sender: c.state.Sender}
	}
	if inherited[wire.AttentionMemo] != nil || inherited[wire.ParkedMemo] != nil {
		memo[wire.AttentionMemo], memo[wire.ParkedMemo] = c.state.Attention(), c.parkedMarks()
	}
	if len(memo) > 0 {
		c.upsertMemo(memo)
	}
}

func (c *conversation) upsertMemo(memo map[string]any) {
	if err := workflow.UpsertMemo(c.ctx, memo); err != nil {
		workflow.GetLogger(c.ctx).Warn("Could not set the memo", "error", err)
	}
}

func (c *conversation) parkedMarks() []wire.ParkedMark {
	marks := []wire.ParkedMark{}
	for _, p := range c.state.Parked {
		marks = append(marks, wire.ParkedMark{ID: p.ID, Code: p.Code, Reason: wire.Cut(p.Reason, 100), At: p.At})
	}
	return marks
}

func (c *conversation) shown() wire.Shown {
	s := c.state
	w := wire.Shown{State: wire.StateOpen}
	for _, p := range s.Parked {
		w.Parked = append(w.Parked, p.ID)
	}
	for _, q := range s.Questions {
		w.Scripts = append(w.Scripts, q.Script.Type)
	}
	if script := s.Floor.Holder.Script.Type; script != "" {
		w.Scripts = append(w.Scripts, script)
	}
	w.Scripts = append(w.Scripts, c.answers.scripts()...)
	slices.Sort(w.Scripts)
	w.Scripts = slices.Compact(w.Scripts)
	if len(w.Scripts) > 0 {
		w.State = wire.StateAsking
	}
	if s.OptedOut != nil {
		w.State = wire.StateOptedOut
	}
	if a := s.Attention(); a != nil {
		w.Attention = a.Reason
	}
	return w
}

// details is the story so far, in markdown, for the person who looks at the
// workflow in the UI. Numbers and codes in it are masked.
func (c *conversation) details() string {
	s := c.state
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", s.Contact.Masked())
	if s.Sender != "" {
		fmt.Fprintf(&b, " over %s", s.Sender.Masked())
	}
	switch q := c.questions.asking(); {
	case s.OptedOut != nil:
		fmt.Fprintf(&b, " · opted out %s", s.OptedOut.At.UTC().Format(wire.TimeLayout))
	case q != nil && q.Open():
		fmt.Fprintf(&b, " · **%s** waits for an answer since %s, until %s", q.Script.Type, q.OpenSince.UTC().Format(wire.TimeLayout), s.QuestionDeadline(q).UTC().Format(wire.TimeLayout))
	case q != nil:
		fmt.Fprintf(&b, " · **%s** is asking", q.Script.Type)
	case s.Turn != nil:
		b.WriteString(" · the responder is at work")
	default:
		b.WriteString(" · nothing is open")
	}
	b.WriteString("\n\n")
	for _, concern := range s.Concerns {
		fmt.Fprintf(&b, "⚠ **Needs attention** since %s: %s\n\n", concern.At.UTC().Format(wire.TimeLayout), safe(concern.Reason))
	}
	for _, p := range s.Parked {
		fmt.Fprintf(&b, "- parked %s (%s): %s\n", p.At.UTC().Format(wire.TimeLayout), p.Code, safe(p.Reason))
	}
	if waiting := len(s.Questions) - 1; waiting > 0 {
		fmt.Fprintf(&b, "%d more question(s) wait.\n\n", waiting)
	}
	for _, m := range s.Held {
		fmt.Fprintf(&b, "- held until %s: %s (%s)\n", m.Delivery.NextTry.UTC().Format(wire.TimeLayout), safe(m.Text), safe(m.Delivery.Why))
	}
	waiting := s.Outbox[max(0, len(s.Outbox)-detailedMessages):]
	gone := s.Transcript[max(0, len(s.Transcript)-detailedMessages+len(waiting)):]
	for _, m := range slices.Concat(gone, waiting) {
		mark := string(m.Status)
		if m.Reason != "" {
			mark += ": " + safe(m.Reason)
		}
		if m.Fallback != "" {
			mark += "; fallback: " + safe(m.Fallback)
		}
		if mark != "" {
			mark = " _(" + mark + ")_"
		}
		fmt.Fprintf(&b, "- %s **%s**: %s%s\n", m.At.UTC().Format(wire.TimeLayout), m.From, safe(m.Text), mark)
	}
	return b.String()
}

// safe hides numbers and codes, and what would be structure.
func safe(text string) string { return wire.Markdown.Replace(wire.Mask(text)) }
