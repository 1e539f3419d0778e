package conversation

import "parley/conversation/wire"

// Delivery says whether a text reached the contact's phone.
type Delivery = wire.Delivery

// What the carrier's receipts said. Some networks never report, so unknown is
// common.
const (
	Delivered       = wire.Delivered
	NotDelivered    = wire.NotDelivered
	DeliveryUnknown = wire.DeliveryUnknown
)

// InDoubt says what to do with a text when it is unknown whether the carrier
// took it.
type InDoubt = wire.InDoubt

// A reminder twice is better than none; a one-time offer may not be.
const (
	Resend = wire.Resend
	Park   = wire.Park
)
