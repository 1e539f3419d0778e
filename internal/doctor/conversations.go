package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"

	"parley/conversation/wire"
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

func (e *examination) examineParked(ctx context.Context) Finding {
	const check = "parked work"
	by := map[wire.ParkCode]int{}
	var oldest time.Time
	parked, conversations, others := 0, 0, 0
	err := e.server.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		marks, attention, ours := e.server.Needs(info)
		switch {
		case !ours:
		case len(marks) > 0:
			conversations++
		case attention != "":
			others++
		}
		for _, mark := range marks {
			parked++
			by[mark.Code]++
			if oldest.IsZero() || mark.At.Before(oldest) {
				oldest = mark.At
			}
		}
	})
	if err != nil && !e.server.TimedOut(err) {
		return failed(check, "look at the server's visibility store", "%v", e.server.Explain("listing what is parked", err))
	}
	var said []string
	for _, code := range wire.ParkCodes() {
		if n := by[code]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, code))
		}
	}
	var parts, advice []string
	if parked > 0 {
		parts = append(parts, fmt.Sprintf("%s in %s (%s), the oldest for %s", e.Counted(parked, "thing"), e.Counted(conversations, "conversation"), strings.Join(said, ", "), e.Age(time.Since(oldest))))
		advice = append(advice, "parley parked; then parley retry or parley skip")
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%s a person for another reason", needing(others)))
		advice = append(advice, "parley list --attention")
	}
	switch {
	case err != nil:
		return warned(check, "a longer --timeout", "not counted to the end in %s; so far: %s", e.Timeout, strings.Join(append(parts, "…"), "; "))
	case len(parts) > 0:
		return warned(check, strings.Join(advice, "; "), "%s", strings.Join(parts, "; "))
	}
	return fine(check, "none, and no conversation needs a person")
}

func needing(conversations int) string {
	if conversations == 1 {
		return "1 conversation needs"
	}
	return fmt.Sprintf("%d conversations need", conversations)
}
