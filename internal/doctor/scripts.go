package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	workflowpb "go.temporal.io/api/workflow/v1"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/wording"
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
	t := troubled{}
	err := e.server.EachMarked(ctx, wire.AttentionAttribute.GetName()+" = true", func(info *workflowpb.WorkflowExecutionInfo) {
		t.told(e.server.AffectedBy(info))
	})
	if err == nil {
		err = e.server.EachStuck(ctx, nil, stuckListed, func(info *workflowpb.WorkflowExecutionInfo, wrong string) {
			t.stands(info, wrong, func() string { return e.meant(ctx, info) })
		})
	}
	return []Finding{e.scripts(t, err)}
}

// troubled are scripts in trouble, by workflow id, each in words.
type troubled struct {
	known map[string]bool
	found []string
}

// told adds those that a conversation asks a person for.
func (t *troubled) told(a conversations.Affected) {
	for _, script := range a.Scripts {
		what, _, _ := strings.Cut(script.Reason, ": ") // behind which a contact's words may be
		t.add(script.WorkflowID, what+", of "+a.Number.Masked())
	}
}

// stands adds one that stands still, unless it is known. It asks whom that is with as
// far as the report names it.
func (t *troubled) stands(info *workflowpb.WorkflowExecutionInfo, wrong string, meant func() string) {
	if id := info.GetExecution().GetWorkflowId(); !t.known[id] {
		with := ""
		if len(t.found) < namedScripts {
			with = meant()
		}
		t.add(id, fmt.Sprintf("%s stands still (%s), of %s", info.GetType().GetName(), wrong, with))
	}
}

func (t *troubled) add(id, words string) {
	if t.known == nil {
		t.known = map[string]bool{}
	}
	t.known[id] = true
	t.found = append(t.found, words)
}

func (e *examination) scripts(t troubled, err error) Finding {
	const check = "scripts"
	const advice = "parley list --attention tells why; temporal workflow describe shows one; parley skip takes a concern back"
	all := strings.Join(t.found[:min(len(t.found), namedScripts)], "; ")
	if more := len(t.found) - namedScripts; more > 0 {
		all += fmt.Sprintf("; and %d more", more)
	}
	switch {
	case errors.Is(err, conversations.ErrUnreported):
		if len(t.found) == 0 {
			return fine(check, "none is in trouble, as far as is known: this server does not say whose tasks fail")
		}
	case err != nil && conversations.IsTimeout(err):
		return warned(check, "a longer --timeout", "not counted to the end in %s; so far: %s", e.Timeout, strings.TrimPrefix(all+"; …", "; "))
	case err != nil:
		return failed(check, "look at the server's visibility store", "%v", e.server.Explain("listing scripts in trouble", err))
	}
	if len(t.found) > 0 {
		return warned(check, advice, "%s in trouble: %s", wording.Counted(len(t.found), "script"), all)
	}
	return fine(check, "none is in trouble")
}

// meant is whom a script is with.
func (e *examination) meant(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) string {
	contact, _, err := e.server.Meant(ctx, info.GetExecution())
	if err != nil || contact == "" {
		return "an unknown contact"
	}
	return contact.Masked()
}
