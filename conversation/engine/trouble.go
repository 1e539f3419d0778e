package engine

import (
	"strings"

	"parley/conversation/wire"
)

// onTrouble asks a person to look at a script that cannot go on, until it can. It
// is the one concern of that workflow id: what was wrong before no longer is. A
// script that is over waits for no answer, and others may ask.
func (d *desk) onTrouble(e wire.Envelope, t wire.Trouble) error {
	if err := t.Script.Check(); err != nil {
		return err
	}
	if t.Over {
		d.questions.withdraw(func(q wire.PendingQuestion) bool { return q.Script.SameRun(t.Script) })
	}
	switch {
	case t.Settled:
		d.SettleOf(wire.CauseTrouble, t.Script.WorkflowID)
		return nil
	case d.consent.erased():
		return nil // of a contact who was erased nothing is kept
	case d.inbox.knows(e.ID):
		return nil
	}
	d.touch()
	reason := t.Script.Type + " " + strings.Join(strings.Fields(wire.Mask(t.Reason)), " ") // one line, whatever an error says
	if d.RaiseOf(wire.CauseTrouble, t.Script.WorkflowID, wire.Cut(reason, wire.MaxIDBytes), d.now()) {
		d.Evicted++
	}
	return nil
}
