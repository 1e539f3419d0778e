package engine

import (
	"time"

	"parley/conversation/wire"
)

// floorSilence is how long a script may be silent before it loses the floor, if
// somebody waits.
const floorSilence = 10 * time.Second

// floor says who may speak next: a script that was answered, the responder while it
// thinks, or a person for as long as they asked. It keeps a script's next question,
// or the responder's reply, from being interleaved with somebody else's.
//
// A script loses it by its next question or text, by a withdraw, by a newer run of its
// id, or by silence; the responder when its reply has left, or it thinks for too long;
// a person at the end of the lease. A STOP takes it from all but a person.
type floor struct {
	still
	*run
	*wire.Floor
}

// taken reports whether somebody has the floor.
func (f *floor) taken() bool { return f.Holder.Kind != "" }

// of reports whether this script has the floor.
func (f *floor) of(script wire.ScriptRef) bool { return f.Holder == wire.Scripted(script) }

// heldBy reports whether such a script has the floor.
func (f *floor) heldBy(which func(wire.ScriptRef) bool) bool {
	return f.Holder.Kind == wire.ByScript && which(f.Holder.Script)
}

// person is who of us has the floor; empty if that is no person.
func (f *floor) person() string {
	if f.Holder.Kind != wire.ByPerson {
		return ""
	}
	return f.Holder.Name
}

// free reports whether nobody has the floor, or is about to get it.
func (f *floor) free() bool { return !f.taken() && !f.answers.offering() }

// give lets somebody speak next; until is the end of a lease.
func (f *floor) give(to wire.Speaker, until time.Time) {
	if f.Holder != to {
		f.Epoch++
	}
	if to.Kind == wire.ByPerson {
		f.Taken = f.Epoch
	}
	f.Holder, f.Since, f.Until = to, f.now(), until
}

// release takes the floor from whoever has it.
func (f *floor) release() {
	if f.taken() {
		f.Holder, f.Since, f.Until = wire.Speaker{}, time.Time{}, time.Time{}
		f.Epoch++
	}
}

// releaseBy takes the floor from one who has it.
func (f *floor) releaseBy(by wire.Speaker) {
	if f.Holder == by {
		f.release()
	}
}

// epoch is the present one: what is begun now carries it.
func (f *floor) epoch() int { return f.Epoch }

// overtaken reports whether a person took the floor since an epoch.
func (f *floor) overtaken(since int) bool { return since > 0 && since < f.Taken }

// ends is when the holder loses the floor; zero if that is not a matter of time.
func (f *floor) ends() time.Time {
	if f.Holder.Kind == wire.ByScript && f.somebodyWaits() {
		return f.Since.Add(floorSilence)
	}
	return f.Until
}

// advance frees the floor of a script that is silent while others wait, and of a
// person whose lease is over.
func (f *floor) advance() {
	if end := f.ends(); !end.IsZero() && !f.now().Before(end) {
		f.release()
	}
}

func (f *floor) deadlines(at func(time.Time, string)) { at(f.ends(), "the floor is free") }

// somebodyWaits reports whether the floor's holder keeps anybody waiting.
func (f *floor) somebodyWaits() bool {
	return f.responder.busy() || f.says.busy() || f.questions.otherThan(f.Holder.Script)
}

// silence: a person keeps the floor, and can send nothing.
func (f *floor) silence(wire.OptOut) {
	if f.person() == "" {
		f.release()
	}
}
