package wire

import (
	"time"

	"parley/sms"
)

// SendMessageType is the type of the activity that hands a text to the carrier. Its
// input is a SendInput, its result an sms.Accepted.
const SendMessageType = "SendMessage"

// The types of the errors that a SendMessage ends with. Their detail is the carrier's
// code. The conversation tells the server to retry the first and to bring the others
// straight back.
const (
	SendNotTaken  = "NotTaken"  // refused before the carrier took it
	SendRefused   = "Refused"   // refused for good, because of the text itself
	SendDenied    = "Denied"    // refused because of the account or the settings
	SendTooLate   = "TooLate"   // not handed over: it would come too late to be useful
	SendUnknown   = "Unknown"   // not handed over: nobody can say whether it was before
	SendAmbiguous = "Ambiguous" // the carrier may have taken it
)

// SendInput is one text, and what to look for first if it may have left before.
type SendInput struct {
	Message sms.Outbound `json:"message"`
	Look    *sms.Search  `json:"look,omitempty"`
	Until   time.Time    `json:"until,omitzero"`   // not handed over later than this
	Park    bool         `json:"park,omitempty"`   // if it is unknown whether it left: do not send again
	Settle  bool         `json:"settle,omitempty"` // only look: it was sent often enough
}
