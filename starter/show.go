package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	conversations "parley/conversation/client"
	"parley/sms"
)

type showCmd struct {
	What string `arg:"" help:"The contact's number, a message key as send prints it, or Sinch's id of a message."`
	fromFlag
	archiveFlags
	linkFlag
	Search int `default:"100" placeholder:"N" help:"How many conversations to look through for a message that nothing else leads to, the newest first; each costs a query. Default: ${default}."`
}

// Help is the long help.
func (*showCmd) Help() string {
	return `Prints who wrote what and when, and what became of each of our texts:

  queued …    waits in the conversation's queue
  sent ✓      the carrier has it
  delivered ✓✓
  failed !    with the reason

and then what is open: the question that waits for an answer, those behind it,
what will be sent once more, and what needs a person. A conversation that runs is
asked, which needs a worker; one that has completed is read from its result. If
Temporal no longer has it, the last messages are read from the archive, if there
is one, and marked so. "parley proof" prints all that is known of one message.`
}

// Run shows the conversation.
func (c *showCmd) Run(ctx context.Context, a *app) error {
	sought, err := conversations.Seek(c.What, c.asGiven())
	if err != nil {
		return usagef("%q is neither a message's key nor its id at Sinch, and %v", strings.TrimSpace(c.What), err)
	}
	sought.Search = c.Search
	s, err := a.connect(ctx, workFlags{linkFlag: c.linkFlag})
	if err != nil {
		return err
	}
	defer s.Close()
	s.desk.Archive = c.messages()
	found, err := s.desk.Find(ctx, sought)
	if err != nil {
		return c.inVain(sought, err)
	}
	if found.Status != conversations.StatusArchived {
		found.Link = s.link(found.WorkflowID)
	}
	return a.print(shown(found))
}

// inVain says where else to look.
func (c *showCmd) inVain(sought conversations.Sought, err error) error {
	none, ok := errors.AsType[*conversations.NoConversation](err)
	switch {
	case ok && len(none.Others) > 0:
		return fmt.Errorf("there is no conversation with %s%s, but there is one over %s: name it with --from", none.Contact, overSender(none.Sender), listOf(none.Others))
	case ok && none.Contact != "":
		return fmt.Errorf("there is no conversation with %s%s; those that closed longer ago than the namespace's retention are gone, and %s",
			none.Contact, overSender(none.Sender), c.nothing())
	case ok:
		return fmt.Errorf("there is no %s; those that closed longer ago than the namespace's retention are gone, and %s", none.WorkflowID, c.nothing())
	case errors.Is(err, conversations.ErrGone):
		return fmt.Errorf("no message %s: its conversation is not among the %d newest, and %s; --search looks through more", sought.Key, sought.Search, c.nothing())
	}
	if lost, ok := errors.AsType[*conversations.Forgotten](err); ok {
		return fmt.Errorf("%s does not know %s: it keeps the latest hundred messages, which parley show %s shows; parley proof %s looks further",
			lost.WorkflowID, lost.Key, lost.Contact, lost.Key)
	}
	return searchFurther(err, sought.Search)
}

// searchFurther adds how to look through more conversations, if there may be more.
func searchFurther(err error, search int) error {
	if none, ok := errors.AsType[*conversations.NoMessage](err); ok && none.Looked == search {
		return fmt.Errorf("%w; --search %d looks through more", err, search*10)
	}
	return err
}

func listOf(senders []sms.Sender) string {
	var names []string
	for _, s := range senders {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// shown is a conversation as it is printed.
type shown conversations.View
