package sms

import "time"

// A Sender is one of our own addresses on the carrier: a Number as a string, a
// short code such as "12345", or a name. The empty Sender means the default one.
type Sender string

// Masked is the sender for logs and summaries: a number masked, a short code or a
// name as it is.
func (s Sender) Masked() string { return Mask(string(s)) }

// A Kind says what a message from a contact consists of.
type Kind string

// The kinds a message from a contact can have. Only KindText carries words to
// understand; the others are kept so that nothing a contact sends is lost.
const (
	KindText     Kind = "text"
	KindMedia    Kind = "media"
	KindLocation Kind = "location"
	KindChoice   Kind = "choice"
	KindFallback Kind = "fallback"
	KindOther    Kind = "other"
)

// Inbound is a message from a contact to us.
type Inbound struct {
	ID             string    `json:"id"`                        // the carrier's message id; unique
	From           Number    `json:"from"`                      // the contact
	To             Sender    `json:"to,omitempty"`              // which of our senders was texted; empty if the carrier did not say
	Kind           Kind      `json:"kind"`                      //
	Text           string    `json:"text,omitempty"`            // the words, or a short rendering of what is not text (a URL, coordinates)
	ConversationID string    `json:"conversation_id,omitempty"` // the carrier's conversation, empty where it keeps none
	Reference      string    `json:"reference,omitempty"`       // the last correlation id sent to this contact, a hint at most
	AcceptedAt     time.Time `json:"accepted_at"`               // by the carrier's clock
	Verdict        *Verdict  `json:"verdict,omitempty"`         // what it means; nil if nobody has decided that
}

// Outbound is a message from us to a contact.
type Outbound struct {
	Key       string        `json:"key"`                 // ours; travels with the message and comes back in its receipts
	To        Number        `json:"to"`                  //
	From      Sender        `json:"from,omitempty"`      // empty: the default sender
	Text      string        `json:"text"`                //
	TTL       time.Duration `json:"ttl,omitempty"`       // how long the carrier may try; 0: as long as it likes
	Reference string        `json:"reference,omitempty"` // the business's own id of what it is about: an appointment, an order
}

// Accepted is the carrier's word that it took an Outbound. It is not delivery.
type Accepted struct {
	MessageID string    `json:"message_id"`
	At        time.Time `json:"at"` // by the carrier's clock
}

// Receipt is what the carrier says became of an Outbound.
type Receipt struct {
	MessageID      string    `json:"message_id"`
	Key            string    `json:"key,omitempty"`       // ours, if the carrier returned it
	Reference      string    `json:"reference,omitempty"` // of the Outbound, if the carrier returned it; it may have been cut
	To             Number    `json:"to"`                  // the contact
	From           Sender    `json:"from,omitempty"`
	ConversationID string    `json:"conversation_id,omitempty"` // the carrier's
	Status         Status    `json:"status"`
	Reason         string    `json:"reason,omitempty"`      // the carrier's reason code, such as RECIPIENT_NOT_REACHABLE
	Class          Class     `json:"class,omitempty"`       // of a failure: may it pass?
	Description    string    `json:"description,omitempty"` // the carrier's words; may name the contact
	AcceptedAt     time.Time `json:"accepted_at"`           // when the carrier took the message, by its clock
	At             time.Time `json:"at"`                    // when this became so, by the carrier's clock
}

// A Status is a station in the life of an Outbound.
type Status string

// The stations, in order. Failed stands before Delivered because a late
// "delivered" is better knowledge than an early "failed".
const (
	StatusQueued    Status = "queued"    // waits in the conversation's outbound queue
	StatusSending   Status = "sending"   // handed to the carrier, no answer yet
	StatusUnknown   Status = "unknown"   // nobody can say whether the carrier took it
	StatusAccepted  Status = "accepted"  // the carrier took it
	StatusOnChannel Status = "onchannel" // the carrier handed it to the network
	StatusExpired   Status = "expired"   // not sent: too late to be useful
	StatusDropped   Status = "dropped"   // not sent: opted out, taken back, overtaken, or one too many
	StatusFailed    Status = "failed"    // refused, or reported as undeliverable
	StatusDelivered Status = "delivered" //
	StatusRead      Status = "read"      //
)

var rank = map[Status]int{
	StatusQueued: 1, StatusSending: 2, StatusUnknown: 3, StatusAccepted: 4, StatusOnChannel: 5,
	StatusExpired: 6, StatusDropped: 6, StatusFailed: 7, StatusDelivered: 8, StatusRead: 9,
}

// Before reports whether next is news to a message in this status. States only
// move forward, and an equal or unknown status is no news; so receipts that are
// doubled, late or reordered all end in the same state.
func (s Status) Before(next Status) bool { return rank[s] < rank[next] }

// Settled reports whether it is known that the carrier took the text, or that it is
// not sent any more.
func (s Status) Settled() bool { return rank[s] > rank[StatusUnknown] }

// Final reports whether the carrier is not expected to say more.
func (s Status) Final() bool { return rank[s] >= rank[StatusExpired] }
