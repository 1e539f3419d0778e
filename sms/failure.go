package sms

import (
	"fmt"
	"time"
)

// A Doubt says what may be concluded from a send that did not end well.
type Doubt string

// What there is to decide by.
const (
	NotTaken  Doubt = "not taken" // refused before the carrier took it: sending again is safe
	Refused   Doubt = "refused"   // refused for good because of the text itself: sending again is useless
	Denied    Doubt = "denied"    // refused because of the account or the settings: useless until a person has mended them
	TooLate   Doubt = "too late"  // not handed over: it would come too late to be useful
	Ambiguous Doubt = "ambiguous" // the carrier may or may not have taken it
)

// SendError is how a carrier reports a send that did not end well. Its text
// never holds a number, a message or a secret.
type SendError struct {
	Doubt      Doubt
	Code       string        // the carrier's or the network's short reason: PERMISSION_DENIED, HTTP 503, timeout
	Detail     string        // one sentence for the person who has to mend it
	RetryAfter time.Duration // for NotTaken: when the carrier wants to be asked again; 0: it did not say
}

func (e *SendError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("sending (%s): %s", e.Doubt, e.Code)
	}
	return fmt.Sprintf("sending (%s): %s: %s", e.Doubt, e.Code, e.Detail)
}

// A Class says whether a delivery that failed may succeed later. The empty Class
// is that of a reason which nobody knows.
type Class string

// A phone may be switched on again; a number that does not exist stays so.
const (
	Transient Class = "transient"
	Permanent Class = "permanent"
)
