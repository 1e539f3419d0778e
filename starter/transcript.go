package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/wording"
	"parley/sms"
)

const (
	clock  = "15:04:05"
	margin = "            " // under which texts stand
)

// marks tell at a glance what became of a text of ours.
var marks = map[sms.Status]string{
	sms.StatusQueued:    "queued …",
	sms.StatusSending:   "sending …",
	sms.StatusUnknown:   "sent ? (nobody can say)",
	sms.StatusAccepted:  "sent ✓",
	sms.StatusOnChannel: "sent ✓",
	sms.StatusExpired:   "not sent !",
	sms.StatusDropped:   "not sent !",
	sms.StatusFailed:    "failed !",
	sms.StatusDelivered: "delivered ✓✓",
	sms.StatusRead:      "read ✓✓",
}

// page writes what a person reads. Texts come from strangers, so everything
// goes through printable.
type page struct {
	w       io.Writer
	zone    *time.Location
	day     string
	repeats conversations.Repeats
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintln(p.w, strings.TrimRight(wording.Printable(fmt.Sprintf(format, args...)), " "))
}

func (p *page) at(t time.Time) string { return t.In(p.zone).Format(wording.DateAndTime) }

// words writes a text under its headline.
func (p *page) words(text string) {
	for line := range strings.Lines(text) {
		p.line("%s%s", margin, strings.TrimRight(line, "\r\n"))
	}
}

func (v shown) text(w io.Writer, zone *time.Location) {
	p := &page{w: w, zone: zone}
	p.head(v)
	p.earlier(v.Conversation.Before)
	p.repeats = conversations.RepeatsIn(v.Conversation)
	for _, m := range slices.Concat(v.Conversation.Transcript, v.Conversation.Outbox, v.Conversation.Held) {
		p.message(m, v.Message)
	}
	p.questions(v.Conversation)
	p.attention(v.Conversation)
}

func (p *page) head(v shown) {
	s := v.Conversation
	over := ""
	if s.Sender != "" {
		over = " over " + string(s.Sender)
	}
	word := map[string]string{wire.StateOpen: "open", wire.StateAsking: "a script is asking", wire.StateOptedOut: "opted out"}[v.State]
	switch {
	case v.Status == conversations.StatusArchived:
		word = "from the archive; Temporal no longer has it"
	case v.Closed != nil:
		word = fmt.Sprintf("closed (%s %s)", v.Status, p.at(*v.Closed))
	}
	p.line("%s%s · %s · since %s", s.Contact, over, word, p.at(s.StartedAt))
	if v.Link != "" {
		p.line("%s", v.Link)
	}
	switch o := s.OptedOut; {
	case o == nil:
	case o.Remembered():
		p.line("Erased before %s; nothing is sent until they text START.", p.at(o.At))
	case o.Source != "":
		p.line("Opted out %s, brought in from %s with %q; nothing is sent until they text START.", p.at(o.Accepted), o.Source, o.Text)
	default:
		p.line("Opted out %s with %q; nothing is sent until they text START.", p.at(o.At), o.Text)
	}
	if a := s.Attention(); a != nil {
		p.line("! Needs attention since %s: %s", p.at(a.At), a.Reason)
	}
	if s.Evicted > 0 {
		p.line("(%d older things have been let go)", s.Evicted)
	}
}

// earlier writes what was said in an earlier conversation.
func (p *page) earlier(lines []wire.Line) {
	if len(lines) == 0 {
		return
	}
	p.line("")
	p.line("Before this conversation, from the archive:")
	for _, l := range lines {
		p.line("  %s %s: %s", p.at(l.Time), l.From, strings.Join(strings.Fields(l.Text), " "))
	}
}

// message writes one text; sought is the one that was asked for, if any.
func (p *page) message(m wire.Message, sought *wire.Message) {
	at := m.At.In(p.zone)
	if day := at.Format("Monday, 2 January 2006"); day != p.day {
		p.day = day
		p.line("")
		p.line("%s", day)
	}
	arrow, about := "←", []string{m.From}
	if m.Key != "" { // only ours have one
		arrow = "→"
	}
	if m.Reference != "" {
		about = append(about, m.Reference)
	}
	if m.Kind != "" && m.Kind != sms.KindText {
		about = append(about, string(m.Kind))
	}
	if m.Key != "" {
		about = append(about, p.mark(m))
	}
	if m.Attempts > 0 {
		about = append(about, fmt.Sprintf("%d attempts after a doubt", m.Attempts+1))
	}
	about = append(about, p.repetition(m)...)
	if m.Fallback != "" {
		about = append(about, "fallback: "+m.Fallback)
	}
	pointer := "  "
	if sought != nil && m.Key == sought.Key && m.MessageID == sought.MessageID {
		pointer = "» "
	}
	p.line("%s%s %s %s", pointer, at.Format(clock), arrow, strings.Join(about, " · "))
	p.words(m.Text)
	if pointer == "» " {
		p.identity(m)
	}
}

// mark says what became of a text of ours, when, and why.
func (p *page) mark(m wire.Message) string {
	if _, waits := p.repeats.Due[m.Key]; waits {
		if m.Delivery != nil && m.ResendOf == "" {
			return "waits: " + m.Delivery.Why
		}
		return "waits …"
	}
	mark, known := marks[m.Status]
	if !known {
		mark = string(m.Status)
	}
	if m.Status.Final() && !m.StatusAt.IsZero() {
		mark += " " + m.StatusAt.In(p.zone).Format(clock)
	}
	if m.Reason != "" {
		mark += ": " + m.Reason
	}
	return mark
}

// repetition says that a text was sent once more, or is such a text.
func (p *page) repetition(m wire.Message) []string {
	var about []string
	if m.ResendOf != "" {
		which := "an earlier text"
		if first, known := p.repeats.First[m.ResendOf]; known {
			which = "that of " + first.In(p.zone).Format(clock)
		}
		about = append(about, "repeats "+which)
	}
	if at, waits := p.repeats.Due[m.Key]; waits {
		about = append(about, "is sent at "+at.In(p.zone).Format(clock))
	}
	again, repeated := p.repeats.Again[m.Key]
	_, waits := p.repeats.Due[again]
	switch {
	case m.Key == "" || !repeated:
	case waits:
		about = append(about, "will be sent once more")
	default:
		about = append(about, "sent once more")
	}
	return about
}

func (p *page) identity(m wire.Message) {
	if m.Key != "" {
		p.line("%skey %s", margin, m.Key)
	}
	if m.MessageID != "" {
		p.line("%sSinch's id %s", margin, m.MessageID)
	}
	if m.Stored {
		p.line("%sthe archive has it", margin)
	}
}

func (p *page) questions(s wire.State) {
	for i, q := range s.Questions {
		what := "Waiting question"
		switch {
		case !q.OpenSince.IsZero():
			what = "Open question"
		case q.Key != "":
			what = "Question on its way"
		}
		p.line("")
		p.line("%s of %s (%s), %s", what, q.Script.Type, q.Script.WorkflowID, p.times(&s, &s.Questions[i]))
		p.words(q.Text)
	}
}

// times says since when a question waits, and until when.
func (p *page) times(s *wire.State, q *wire.PendingQuestion) string {
	switch {
	case !q.OpenSince.IsZero():
		return fmt.Sprintf("since %s, until %s", p.at(q.OpenSince), p.at(s.QuestionDeadline(q)))
	case !q.NotBefore.IsZero():
		return fmt.Sprintf("since %s, held until %s: %s", p.at(q.AskedAt), p.at(q.NotBefore), q.Why)
	case !q.UsefulUntil.IsZero():
		return fmt.Sprintf("since %s, useful until %s", p.at(q.AskedAt), p.at(q.UsefulUntil))
	default:
		return "since " + p.at(q.AskedAt)
	}
}

func (p *page) attention(s wire.State) {
	if len(s.Parked)+len(s.Mended)+len(s.Redo)+len(s.Skipped) > 0 {
		p.line("")
	}
	for _, parked := range s.Parked {
		p.line("Parked %s: %s", p.at(parked.At), parked.Reason)
		if parked.ID != "" {
			p.line("%s%s · %s", margin, parked.Code, parked.ID)
		}
		if parked.Turn != nil {
			p.texts(*parked.Turn)
		}
		if parked.Message != nil {
			p.words(parked.Message.Text)
		}
	}
	for _, turn := range s.Redo {
		p.line("To be tried again:")
		p.texts(turn)
	}
	for _, m := range s.Mended {
		did := "Given up"
		if m.Retried {
			did = "Tried again"
		}
		p.line("%s %s%s%s", did, p.at(m.At), by(m.By), because(m.Why))
		p.line("%s%s · %s", margin, m.Code, m.ID)
	}
	for _, skipped := range s.Skipped {
		p.line("Skipped %s: %s", p.at(skipped.At), skipped.Reason)
	}
}

func (p *page) texts(t wire.Turn) {
	for _, text := range t.Texts {
		p.words(text.Text)
	}
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + name
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
