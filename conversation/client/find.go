package client

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/conversation/wire"
	"parley/sms"
	"parley/sms/numbers"
)

// A Sought conversation or message, by the one thing that is known of it.
type Sought struct {
	WorkflowID string     // a conversation's
	Contact    sms.Number // with whom it is, over Sender
	Sender     sms.Sender
	Key        string // of a message of ours
	MessageID  string // the carrier's, of any message

	// Search is how many conversations are looked through for a message that nothing
	// else leads to, the newest first; each costs a query.
	Search int
}

var (
	// A text that was sent again after a doubt carries a second number.
	messageKey = regexp.MustCompile(`^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9]+(?:\.[0-9]+)?$`)
	messageID  = regexp.MustCompile(`^[0-9A-Za-z_-]{6,128}$`)
)

// ParseKey reads a message's key, which may name an attempt. A key begins with the
// first run of its conversation.
func ParseKey(what string) (key, firstRun string, ok bool) {
	found := messageKey.FindStringSubmatch(what)
	if found == nil {
		return "", "", false
	}
	key, _, _ = strings.Cut(what, ".")
	return key, found[1], true
}

// IsMessageID is false for what is more likely a mistyped number.
func IsMessageID(what string) bool {
	return strings.ContainsFunc(what, unicode.IsLetter) && messageID.MatchString(what)
}

// Seek knows by its form what a person looks for: a conversation's workflow id, a
// contact's number, a message's key or the carrier's id of one. The sender says which
// of the contact's conversations is meant. An error says why it is no number, which
// is what people type most.
func Seek(what string, sender sms.Sender) (Sought, error) {
	what = strings.TrimSpace(what)
	if contact, sender, err := wire.ParseID(what); err == nil {
		return Sought{Contact: contact, Sender: sender}, nil
	}
	if wire.IsID(what) {
		return Sought{WorkflowID: what}, nil
	}
	contact, err := numbers.Parse(what)
	if err == nil {
		return Sought{Contact: contact, Sender: sender}, nil
	}
	if key, _, ok := ParseKey(what); ok {
		return Sought{Key: key}, nil
	}
	if IsMessageID(what) {
		return Sought{MessageID: what}, nil
	}
	return Sought{}, err
}

// A NoConversation error says that neither Temporal nor the archive has a conversation.
type NoConversation struct {
	Sought

	// Others are our senders over which there is one with the contact.
	Others []sms.Sender
}

func (*NoConversation) Error() string { return "there is no such conversation" }

// A NoMessage error says that no conversation that was looked at has a message.
type NoMessage struct {
	What   string // its key, or the carrier's id
	Looked int    // conversations, the newest
	Unread int    // of those
}

func (e *NoMessage) Error() string {
	also := ""
	if e.Unread > 0 {
		also = fmt.Sprintf(", of which %d could not be read", e.Unread)
	}
	return fmt.Sprintf("no message %s in the %d newest conversations%s", e.What, e.Looked, also)
}

// A Forgotten message left its conversation, which keeps the latest ones only.
type Forgotten struct {
	Key        string
	WorkflowID string
	Contact    sms.Number
}

func (e *Forgotten) Error() string { return "its conversation no longer knows the message " + e.Key }

// Find finds a conversation, or a message in one. It returns a NoConversation, a
// NoMessage or a Forgotten if it finds nothing, ErrGone if nothing is left of a
// message's conversation, and ErrNoWorker if a conversation cannot be asked.
func (d Desk) Find(ctx context.Context, what Sought) (View, error) {
	switch {
	case what.Key != "":
		return d.findKey(ctx, what)
	case what.MessageID != "":
		has := func(m wire.Message) bool { return m.MessageID == what.MessageID }
		v, err := d.Search(ctx, what.Search, what.MessageID, has)
		if _, unknown := errors.AsType[*NoMessage](err); unknown {
			return d.archivedWith(ctx, what.MessageID, has, err)
		}
		return v, err
	}
	return d.findConversation(ctx, what)
}

func (d Desk) findConversation(ctx context.Context, what Sought) (View, error) {
	id := what.WorkflowID
	if id == "" {
		id = d.IDs.Of(what.Contact, what.Sender)
	}
	v, err := d.Read(ctx, id, "")
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	if v, ok, err := d.fromArchive(ctx, id, wire.Start{Contact: what.Contact, Sender: what.Sender}); ok || err != nil {
		return v, err
	}
	none := &NoConversation{Sought: what}
	if what.Contact == "" {
		return View{}, none
	}
	// It may be that they write to another number of ours.
	const enough = 10
	query := fmt.Sprintf("WorkflowId STARTS_WITH '%s' AND ExecutionStatus != 'ContinuedAsNew'", d.IDs.Of(what.Contact, ""))
	err = d.EachConversation(ctx, query, enough, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if who, ok := d.Who(info); ok && who.Contact == what.Contact && !slices.Contains(none.Others, who.Sender) {
			none.Others = append(none.Others, who.Sender)
		}
		return true, nil
	})
	if err != nil {
		none.Others = nil // it only helps
	}
	slices.Sort(none.Others)
	return View{}, none
}

// findKey finds a message of ours.
func (d Desk) findKey(ctx context.Context, what Sought) (View, error) {
	has := func(m wire.Message) bool { return m.Key == what.Key }
	_, firstRun, _ := ParseKey(what.Key)
	info, err := d.LastRun(ctx, what.Key, firstRun, what.Search)
	if errors.Is(err, ErrGone) {
		return d.archivedWith(ctx, what.Key, has, err)
	}
	if err != nil {
		return View{}, err
	}
	v, err := d.Read(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
	if err != nil {
		return View{}, err
	}
	if v.Message = Pick(v.Conversation, has); v.Message == nil {
		return View{}, &Forgotten{Key: what.Key, WorkflowID: v.WorkflowID, Contact: v.Conversation.Contact}
	}
	return v, nil
}

// Search reads conversations, the newest first, until one has the message. It
// returns a NoMessage if none has.
func (d Desk) Search(ctx context.Context, limit int, what string, has func(wire.Message) bool) (View, error) {
	var found View
	none := &NoMessage{What: what}
	err := d.EachConversation(ctx, "ExecutionStatus != 'ContinuedAsNew'", limit, func(info *workflowpb.WorkflowExecutionInfo) (bool, error) {
		none.Looked++
		v, err := d.Read(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
		switch {
		case errors.Is(err, ErrNoWorker) || ctx.Err() != nil:
			return false, err // the next one would take as long
		case err != nil:
			none.Unread++
			return true, nil
		}
		if v.Message = Pick(v.Conversation, has); v.Message != nil {
			found = v
		}
		return v.Message == nil, nil
	})
	switch {
	case errors.Is(err, ErrNoWorker):
		return View{}, err
	case err != nil:
		return View{}, d.Explain("looking through the conversations", err)
	case found.Message != nil:
		return found, nil
	}
	return View{}, none
}

// Pick returns the first message of a conversation that has what is asked for; nil if
// none has.
func Pick(state wire.State, has func(wire.Message) bool) *wire.Message {
	for _, m := range Messages(&state) {
		if has(m) {
			return &m
		}
	}
	return nil
}

// Messages are all messages that a conversation holds, in either direction.
func Messages(s *wire.State) []wire.Message {
	all := slices.Concat(s.Transcript, s.Outbox, s.Held, s.Evictees)
	for _, p := range s.Parked {
		if p.Message != nil {
			all = append(all, *p.Message) // the last that is left of it, perhaps
		}
	}
	return all
}
