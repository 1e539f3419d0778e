package wire

import (
	"time"
)

// The times of a question.
const (
	DefaultTimeout = 24 * time.Hour   // of a question
	leastShare     = 10 * time.Second // of the time that a question may be cut to for those behind it
)

// A PendingQuestion is a script's, waiting to be asked or answered.
type PendingQuestion struct {
	ID          string        `json:"id"`
	Script      ScriptRef     `json:"script"`
	Text        string        `json:"text"`
	Timeout     time.Duration `json:"timeout"`
	UsefulUntil time.Time     `json:"useful_until,omitzero"`
	Reference   string        `json:"reference,omitempty"`
	InDoubt     InDoubt       `json:"in_doubt,omitempty"`
	AskedAt     time.Time     `json:"asked_at"`
	NotBefore   time.Time     `json:"not_before,omitzero"`  // it must wait until then, for Why
	Why         string        `json:"why,omitempty"`        //
	Key         string        `json:"key,omitempty"`        // of its message, once queued to be sent
	AcceptedAt  time.Time     `json:"accepted_at,omitzero"` // by the carrier's clock: from here texts may answer it
	OpenSince   time.Time     `json:"open_since,omitzero"`  // by ours: from here its timeout runs
	CheckedAt   time.Time     `json:"checked_at,omitzero"`  // when its script was last known to run
	Delivered   Delivery      `json:"delivered,omitempty"`  //
	Knows       int           `json:"knows,omitempty"`      // how many kinds of endings its script knows
	Epoch       int           `json:"epoch,omitempty"`      // of the floor, when its script last heard of the contact
	Trace       string        `json:"trace,omitempty"`      // of what made the script ask
}

// Open reports whether texts may answer the question.
func (q *PendingQuestion) Open() bool { return !q.OpenSince.IsZero() }

// QuestionDeadline is when the open question has waited long enough. Questions
// behind it that are useful only until some time get their share of the time.
func (d *Dialogue) QuestionDeadline(open *PendingQuestion) time.Time {
	deadline := open.OpenSince.Add(open.Timeout)
	if !open.UsefulUntil.IsZero() && open.UsefulUntil.Before(deadline) {
		deadline = open.UsefulUntil
	}
	waiting := 0
	for i := range d.Questions {
		q := &d.Questions[i]
		if q.Key != "" {
			continue
		}
		waiting++
		if q.UsefulUntil.IsZero() {
			continue
		}
		share := q.UsefulUntil.Sub(open.OpenSince) / time.Duration(waiting+1)
		if end := open.OpenSince.Add(share); share >= leastShare && end.Before(deadline) {
			deadline = end
		}
	}
	return deadline
}

// A Floor says who may speak next. It keeps a script's next question, or the
// responder's reply, from being interleaved with somebody else's.
type Floor struct {
	Holder Speaker   `json:"holder,omitzero"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`  // the end of a lease; zero: as long as the engine's rules say
	Epoch  int       `json:"epoch,omitempty"` // grows with each change of the holder
	Taken  int       `json:"taken,omitempty"` // the epoch of the last person who took it: what was thought before is void
}

// A Speaker is who may have the floor. The zero Speaker is nobody.
type Speaker struct {
	Kind   Author    `json:"kind,omitempty"` // script, responder or person
	Name   string    `json:"name,omitempty"` // of a person
	Script ScriptRef `json:"script,omitzero"`
}

// Scripted is a script as a speaker.
func Scripted(script ScriptRef) Speaker { return Speaker{Kind: ByScript, Script: script} }

// A Say is a script's message that waits for the floor.
type Say struct {
	ID    string `json:"id"`
	Trace string `json:"trace,omitempty"`
	Said
}

// A Watch is a script's wish to know whether a text of its arrived.
type Watch struct {
	ID     string    `json:"id"`
	Script ScriptRef `json:"script"`
	SayID  string    `json:"say_id"`
	Until  time.Time `json:"until"`
}
