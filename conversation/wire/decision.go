package wire

import "encoding/json"

// A Decision says what to do about a turn. The zero Decision does nothing.
type Decision struct {
	Reply    string    `json:"reply,omitempty"`
	Start    *Starting `json:"start,omitempty"`
	HandOver string    `json:"hand_over,omitempty"` // to a person, for this reason
	OptOut   bool      `json:"opt_out,omitempty"`   // the contact wants no more texts; with this the rest does not count
}

// Starting is a script that the responder wants started.
type Starting struct {
	Script string          `json:"script"`
	Input  json.RawMessage `json:"input,omitempty"`
}

// Decided is what a workflow that worked on a turn decided.
type Decided struct {
	Turn     string   `json:"turn"` // its id
	Decision Decision `json:"decision"`
}
