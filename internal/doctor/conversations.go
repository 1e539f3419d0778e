package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/wording"
)

// examineConversations counts them, and what waits for a person, by what
// visibility knows: no conversation is asked.
func (e *examination) examineConversations(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	const check = "conversations"
	of := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = ", wire.WorkflowType)
	running, err := e.count(ctx, of+"'Running'")
	if err != nil {
		return []Finding{failed(check, "look at the server's visibility store", "%v", e.server.Explain("counting conversations", err))}
	}
	found := []Finding{fine(check, "%d running", running)}
	// Servers that cannot pause workflows do not know the word either.
	if paused, err := e.count(ctx, of+"'Paused'"); err == nil && paused > 0 {
		found[0] = warned(check, "temporal workflow list --query \"ExecutionStatus = 'Paused'\" lists them", "%d running, and %d paused by somebody: texts wait there", running, paused)
	}
	return append(found, e.examineParked(ctx))
}

// need is what the conversations show that a person should look at.
type need struct {
	things        map[wire.ParkCode]int // parked
	oldest        time.Time             // of them
	conversations int                   // that hold them
	others        int                   // conversations that need a person for another reason
}

func (n *need) add(c conversations.ParkedConversation, ours bool) {
	switch {
	case !ours: // another program made its id
	case len(c.Marks) > 0:
		n.conversations++
	case c.Attention != "":
		n.others++
	}
	for _, mark := range c.Marks {
		n.things[mark.Code]++
		if n.oldest.IsZero() || mark.At.Before(n.oldest) {
			n.oldest = mark.At
		}
	}
}

func (e *examination) examineParked(ctx context.Context) Finding {
	n := need{things: map[wire.ParkCode]int{}}
	err := e.server.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		n.add(e.server.ParkedIn(info))
	})
	return e.parked(n, err)
}

func (e *examination) parked(n need, err error) Finding {
	const check = "parked work"
	found, advice := n.told()
	switch {
	case err != nil && conversations.IsTimeout(err):
		return warned(check, "a longer --timeout", "not counted to the end in %s; so far: %s", e.Timeout, strings.Join(append(found, "…"), "; "))
	case err != nil:
		return failed(check, "look at the server's visibility store", "%v", e.server.Explain("listing what is parked", err))
	case len(found) > 0:
		return warned(check, strings.Join(advice, "; "), "%s", strings.Join(found, "; "))
	}
	return fine(check, "none, and no conversation needs a person")
}

// told says what is needed, and what to do about each part.
func (n need) told() (found, advice []string) {
	things, codes := 0, []string(nil)
	for _, code := range wire.ParkCodes() {
		if of := n.things[code]; of > 0 {
			codes = append(codes, fmt.Sprintf("%d %s", of, code))
		}
	}
	for _, of := range n.things {
		things += of
	}
	if things > 0 {
		found = append(found, fmt.Sprintf("%s in %s (%s), the oldest for %s",
			wording.Counted(things, "thing"), wording.Counted(n.conversations, "conversation"), strings.Join(codes, ", "), wording.Age(time.Since(n.oldest))))
		advice = append(advice, "parley parked; then parley retry or parley skip")
	}
	if n.others > 0 {
		found = append(found, fmt.Sprintf("%s a person for another reason", needing(n.others)))
		advice = append(advice, "parley list --attention")
	}
	return found, advice
}

func needing(conversations int) string {
	if conversations == 1 {
		return "1 conversation needs"
	}
	return fmt.Sprintf("%d conversations need", conversations)
}
