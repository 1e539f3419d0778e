package sms

import "time"

// A Search describes a text that may have been taken by the carrier.
type Search struct {
	Keys   []string  `json:"keys"` // every key it may have been sent with
	To     Number    `json:"to"`
	Text   string    `json:"text"`
	Since  time.Time `json:"since"`            // no attempt began before
	Others []string  `json:"others,omitempty"` // message ids that belong to other texts
}

// A Finding is what the carrier knows about a Search.
type Finding struct {
	Accepted *Accepted `json:"accepted,omitempty"` // the text was taken
	Certain  bool      `json:"certain,omitempty"`  // if not found: the carrier keeps a list that would show it
}
