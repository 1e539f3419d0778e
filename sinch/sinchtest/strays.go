package sinchtest

import (
	"strings"

	"parley/sms"
)

// unknownStatus is one that other users of Sinch have met, and that its
// documentation does not have.
const unknownStatus Status = "DELETED"

// foreign are the metadata of other programs that send through the same app.
var foreign = []string{
	"order 42 für Anna",
	"\x00\x01\x1b[2J\u2028\x7f",
	strings.Repeat("x", maxMetadata),
	`{"json":true}`,
}

// stray calls the webhooks about a send as nothing should. It returns when each
// callback was tried once.
func (s *Server) stray(r *record, faults []string) {
	for _, fault := range faults {
		<-s.callback(r, s.strayReceipt(r, fault))
	}
}

// strayReceipt is a receipt that is wrong in the way the fault says.
func (s *Server) strayReceipt(r *record, fault string) notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e := s.receipt(r, now)
	e.Delivery.Status = Delivered
	switch fault {
	case FaultOtherNumber:
		e.Delivery.ChannelIdentity = s.Readings().identity(s.otherThan(r.Phone))
	case FaultForeignMetadata:
		e.Delivery.MessageID = newID(now)
		e.Delivery.Metadata = foreign[s.foreign%len(foreign)]
		e.CorrelationID = ""
		s.foreign++
	case FaultUnknownStatus:
		e.Delivery.Status = unknownStatus
	}
	return notice{trigger: TriggerDelivery, status: e.Delivery.Status, body: encode(e), stray: true}
}

// otherThan is the number of another phone, of one that we know if there is any.
func (s *Server) otherThan(number sms.Number) sms.Number {
	for _, other := range s.order {
		if other != number {
			return other
		}
	}
	return otherNumber(0)
}
