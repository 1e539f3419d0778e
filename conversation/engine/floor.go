package engine

import (
	"time"

	"parley/conversation/wire"
)

// floorSilence is how long a script may be silent before it loses the floor, if
// somebody waits.
const floorSilence = 10 * time.Second

// floor says who may speak next. It keeps a script's next question, or the
// responder's reply, from being interleaved with somebody else's.
type floor struct {
	still
	*run
	*wire.Floor
}

// taken reports whether a script has the floor.
func (f *floor) taken() bool { return f.Holder.WorkflowID != "" }

// of reports whether this script has the floor.
func (f *floor) of(script wire.ScriptRef) bool { return f.Holder == script }

// heldBy reports whether such a script has the floor.
func (f *floor) heldBy(which func(wire.ScriptRef) bool) bool { return f.taken() && which(f.Holder) }

// free reports whether neither a script that was just answered nor the responder
// is about to speak.
func (f *floor) free() bool {
	return !f.taken() && !f.responder.speaking() && !f.answers.offering()
}

// give lets a script that was answered speak next.
func (f *floor) give(script wire.ScriptRef) { *f.Floor = wire.Floor{Holder: script, Since: f.now()} }

// release takes the floor from whoever has it.
func (f *floor) release() { *f.Floor = wire.Floor{} }

// advance frees the floor of a script that is silent while others wait.
func (f *floor) advance() {
	if f.taken() && f.somebodyWaits() && !f.now().Before(f.Since.Add(floorSilence)) {
		f.release()
	}
}

func (f *floor) deadlines(at func(time.Time, string)) {
	if f.taken() && f.somebodyWaits() {
		at(f.Since.Add(floorSilence), "script silent")
	}
}

// somebodyWaits reports whether the floor's holder keeps anybody waiting.
func (f *floor) somebodyWaits() bool {
	return f.responder.busy() || f.says.busy() || f.questions.otherThan(f.Holder)
}

func (f *floor) silence(wire.OptOut) { f.release() }
