package livecheck

import "time"

// Waits are how long things may take.
type Waits struct {
	Person  time.Duration // the person, to do something with the phone
	Behind  time.Duration // what belongs to a text from the phone and comes behind it
	Receipt time.Duration // the last receipt of a text
	List    time.Duration // a text, to appear in the list
	Look    time.Duration // between two looks into the list
	Retry   time.Duration // how long a callback is refused with 503
	Quiet   time.Duration // after which a callback that is not repeated is given up, unless its pauses are longer
	Hold    time.Duration // how long the answer to a callback is held back
	Enough  time.Duration // that we believe Sinch waits for an answer
	Refused time.Duration // in which a callback that was refused with 401 might come again
}

// Usual are the waits with a person and the real Sinch.
var Usual = Waits{
	Person:  3 * time.Minute,
	Behind:  15 * time.Second,
	Receipt: 90 * time.Second,
	List:    time.Minute,
	Look:    250 * time.Millisecond,
	Retry:   2 * time.Minute,
	Quiet:   30 * time.Second,
	Hold:    40 * time.Second,
	Enough:  10 * time.Second,
	Refused: time.Minute,
}
