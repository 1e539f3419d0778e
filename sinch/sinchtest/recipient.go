package sinchtest

import (
	"cmp"
	"slices"
	"strings"

	"parley/sms"
	"parley/sms/numbers"
)

// channels are those that Sinch's API knows; our app has SMS only.
var channels = []string{
	"SMS", "MMS", "RCS", "WHATSAPP", "MESSENGER", "VIBER", "VIBERBM", "INSTAGRAM", "TELEGRAM", "KAKAOTALK",
	"KAKAOTALKCHAT", "LINE", "WECHAT", "APPLEBC",
}

// checkRecipient finds the phone. In DISPATCH mode there are no contacts, so
// Sinch takes channel identities only.
func (s *Server) checkRecipient(a *accepted) *apiError {
	recipient := a.request.Recipient
	byIdentity := recipient.IdentifiedBy != nil
	switch {
	case byIdentity && recipient.ContactID != "":
		return invalid("recipient has both contact_id and identified_by.")
	case !byIdentity && recipient.ContactID == "":
		return invalid("recipient needs contact_id or identified_by.")
	case recipient.ContactID != "" && a.mode == Dispatch:
		return invalid("recipient.contact_id cannot be used in DISPATCH mode.")
	case recipient.ContactID != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.phones {
			if p.contactID == recipient.ContactID {
				a.to = p.number
				return nil
			}
		}
		return notFound("Contact not found.")
	}

	identity, refusal := s.checkChannels(a)
	if refusal != nil {
		return refusal
	}
	return s.checkIdentity(a, identity)
}

// checkChannels returns the SMS identity, or that of another channel where such a
// message fails only later.
func (s *Server) checkChannels(a *accepted) (identity string, refusal *apiError) {
	identities := a.request.Recipient.IdentifiedBy.ChannelIdentities
	if len(identities) == 0 {
		return "", invalid("recipient.identified_by.channel_identities is empty.")
	}
	missing := ""
	for _, channel := range a.request.ChannelPriorityOrder {
		if !slices.Contains(channels, channel) {
			return "", invalid("channel_priority_order: there is no channel %q.", channel)
		}
		if channel != "SMS" {
			missing = channel
		}
	}
	for _, i := range identities {
		switch {
		case !slices.Contains(channels, i.Channel):
			return "", invalid("recipient: there is no channel %q.", i.Channel)
		case i.Identity == "":
			return "", invalid("recipient: an identity is empty.")
		case i.Channel == "SMS":
			identity = cmp.Or(identity, i.Identity)
		}
	}
	if identity == "" {
		identity, missing = identities[0].Identity, cmp.Or(missing, identities[0].Channel)
	}
	if missing == "" {
		return identity, nil
	}
	if !s.Readings().ChannelCheckedLate {
		return "", invalid("The channel %s is not configured in the app.", missing)
	}
	a.failure = &failure{code: "CHANNEL_CONFIGURATION_MISSING", description: "The app has no configuration of channel " + missing}
	return identity, nil
}

// checkIdentity finds the phone by its number.
func (s *Server) checkIdentity(a *accepted, identity string) *apiError {
	digits := bare(identity)
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return invalid("recipient: the SMS identity is not a phone number.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reached, ok := s.reached(identity); ok {
		a.to = reached
		return nil
	}
	number, err := numbers.Parse(identity)
	if err != nil {
		// Digits, but no country has such a number: only the channel knows.
		number = sms.Number("+" + digits)
		a.failure = cmp.Or(a.failure, &failure{code: "RECIPIENT_INVALID_CHANNEL_IDENTITY", description: "The recipient is not a valid phone number"})
	}
	a.to = number
	return nil
}
