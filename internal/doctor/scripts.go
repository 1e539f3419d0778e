package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

const (
	namedScripts = 5    // in the report; the rest is counted
	stuckListed  = 1000 // workflows that stand still
)

// examineScripts lists scripts in trouble: those that conversations ask a person
// for, and those of which the server says that their tasks fail.
func (e *examination) examineScripts(ctx context.Context) []Finding {
	if e.server == nil {
		return nil
	}
	const check = "scripts"
	const advice = "parley list --attention tells why; temporal workflow describe shows one; parley skip takes a concern back"
	var found []string
	known := map[string]bool{}
	err := e.server.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		a := e.server.Affected(info)
		for _, script := range a.Scripts {
			known[script.WorkflowID] = true
			what, _, _ := strings.Cut(script.Reason, ": ") // behind which a contact's words may be
			found = append(found, what+", of "+a.Number.Masked())
		}
	})
	if err == nil {
		err = e.server.EachStuck(ctx, nil, stuckListed, func(info *workflowpb.WorkflowExecutionInfo, wrong string) {
			if !known[info.GetExecution().GetWorkflowId()] {
				found = append(found, fmt.Sprintf("%s stands still (%s), of %s", info.GetType().GetName(), wrong, e.meant(ctx, info, len(found))))
			}
		})
	}
	all := strings.Join(found[:min(len(found), namedScripts)], "; ")
	if more := len(found) - namedScripts; more > 0 {
		all += fmt.Sprintf("; and %d more", more)
	}
	switch {
	case errors.Is(err, conversations.ErrUnreported):
		if len(found) == 0 {
			return []Finding{fine(check, "none is in trouble, as far as is known: this server does not say whose tasks fail")}
		}
	case err != nil && e.server.TimedOut(err):
		return []Finding{warned(check, "a longer --timeout", "not counted to the end in %s; so far: %s", e.Timeout, strings.TrimPrefix(all+"; …", "; "))}
	case err != nil:
		return []Finding{failed(check, "look at the server's visibility store", "%v", e.server.Explain("listing scripts in trouble", err))}
	}
	if len(found) > 0 {
		return []Finding{warned(check, advice, "%s in trouble: %s", e.Counted(len(found), "script"), all)}
	}
	return []Finding{fine(check, "none is in trouble")}
}

// meant is whom a script is with, as far as the report names it.
func (e *examination) meant(ctx context.Context, info *workflowpb.WorkflowExecutionInfo, place int) string {
	if place >= namedScripts {
		return ""
	}
	contact, _, err := e.server.Meant(ctx, info.GetExecution())
	if err != nil || contact == "" {
		return "an unknown contact"
	}
	return contact.Masked()
}
