package wire

import (
	"time"

	"parley/sms"
)

// The activities that need the carrier. Each is run once: it is the conversation
// that decides about another try, in a task that has seen all events.
const (
	SendMessageType = "SendMessage" // hands a text to the carrier: SendInput, sms.Accepted
	FindMessageType = "FindMessage" // looks whether that has it: sms.Search, sms.Finding
)

// The types of the errors that they end with. Their details are the carrier's code,
// and after NotTaken how long it wants to be left alone.
const (
	SendNotTaken  = "NotTaken"  // refused before the carrier took it
	SendRefused   = "Refused"   // refused for good, because of the text itself
	SendDenied    = "Denied"    // refused because of the account or the settings
	SendTooLate   = "TooLate"   // not handed over: it would come too late to be useful
	SendAmbiguous = "Ambiguous" // the carrier may have taken it
)

// SendInput is one text.
type SendInput struct {
	Message sms.Outbound `json:"message"`
	Until   time.Time    `json:"until,omitzero"` // not handed over later than this
}
