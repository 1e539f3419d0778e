package conversation

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
)

// inTrouble reports whether a script ended with what a person should know of.
// How a question ended is ordinary life, also if the script makes it its error.
func inTrouble(err error) bool {
	_, ended := errors.AsType[*Ending](err)
	return err != nil && !ended && !temporal.IsCanceledError(err)
}

// tellTrouble has each conversation of a script that failed ask for a person.
func (r run) tellTrouble(ctx workflow.Context, err error) {
	trouble := wire.Trouble{Script: self(ctx), Reason: "failed (" + kindOf(err) + "): " + wire.Cut(err.Error(), wire.MaxIDBytes), Over: true}
	id := wire.TroubleID(workflow.GetInfo(ctx).WorkflowExecution.RunID, wire.TroubleFailed)
	type line struct{ contact, sender string }
	told := map[line]bool{}
	for _, chat := range r.chats {
		if to := (line{string(chat.contact), string(chat.sender)}); to.contact != "" && !told[to] {
			told[to] = true
			_, _ = chat.tell(ctx, wire.KindTrouble, "", trouble, 0, id) // what fails here is in the log of the worker
		}
	}
}

// kindOf tells errors apart without their words, which may be a contact's.
func kindOf(err error) string {
	kind := ""
	if failed, ok := errors.AsType[*temporal.ActivityError](err); ok {
		kind = "activity " + failed.ActivityType().GetName() + ", "
	}
	app, typed := errors.AsType[*temporal.ApplicationError](err)
	_, late := errors.AsType[*temporal.TimeoutError](err)
	switch {
	case typed && app.Type() != "":
		return kind + app.Type()
	case late:
		return kind + "timeout"
	}
	return kind + "error"
}
