package sinchtest

import (
	"slices"
	"strings"
	"time"

	"parley/sms"
)

// The words that the network itself takes, in capitals.
var (
	networkStop  = []string{"STOP", "STOPALL", "UNSUBSCRIBE"}
	networkStart = []string{"START", "UNSTOP"}
)

const stopConfirmation = `NETWORK MSG: You replied with the word "stop", which blocks all texts sent from this number. Text back "unstop" to receive messages again.`

// notOptedIn is how a send ends that the network blocks.
var notOptedIn = &failure{
	code: "RECIPIENT_NOT_OPTED_IN", description: "The underlying channel reported: Recipient has opted out", channelCode: "257",
}

// overheard lets the network act on a text from a phone, and reports whether it
// keeps the text to itself. The caller holds the lock.
func (s *Server) overheard(p *phone, r *record) (kept bool) {
	reading := s.Readings().NetworkStops
	word := strings.ToUpper(strings.TrimSpace(r.Text))
	stop, start := slices.Contains(networkStop, word), slices.Contains(networkStart, word)
	if reading == "" || r.Kind != sms.KindText || !stop && !start {
		return false
	}
	p.blocked[r.Sender] = stop
	if stop {
		s.show(p, s.fromNetwork(r))
	}
	r.Network = reading == NetworkSwallows
	return r.Network
}

// fromNetwork is the network's answer to a STOP.
func (s *Server) fromNetwork(stop *record) *record {
	now := s.opts.Now().UTC().Truncate(time.Microsecond)
	cost := sms.SegmentsOf(stopConfirmation)
	return &record{
		Message: Message{
			ID: newID(now), Direction: ToContact, Phone: stop.Phone, Sender: stop.Sender, Kind: sms.KindText, Text: stopConfirmation,
			Status: Delivered, At: now, AcceptedAt: s.told(now), StatusAt: now,
			Encoding: cost.Encoding, Segments: cost.Count, Network: true,
		},
		mode: stop.mode,
	}
}

// blocks reports whether the network lets no text of ours to a phone. The caller
// holds the lock.
func (s *Server) blocks(p *phone, sender sms.Sender) bool {
	return s.Readings().NetworkStops != "" && p.blocked[sender]
}
