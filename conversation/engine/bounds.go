package engine

import "time"

// What one conversation may hold. Over a bound a newcomer is refused with a
// reason, or the oldest is let go and counted.
const (
	maxOutbox          = 100
	maxQuestions       = 20
	maxSays            = 100
	maxParked          = 50
	maxTranscript      = 100
	maxTranscriptBytes = 64 << 10
	maxSeen            = 500
	maxEarlyReceipts   = 50
	maxOutcomes        = 50
	maxOutcomeBytes    = 16 << 10
	maxInbox           = 30
	maxBacklog         = 30
	maxTurnTexts       = 20
	maxParkedBytes     = 32 << 10
	maxMended          = 20
	maxErrands         = 30
	maxResendsWaiting  = 20
	maxWatches         = 50
	maxRecalled        = 20
	maxEvictees        = 100
	maxEvicteeBytes    = 32 << 10
	maxRecalledBytes   = 8 << 10
	maxTextSegments    = 10
	maxTextBytes       = 2100           // of a text of the contact: ten segments in any alphabet
	maxLease           = 24 * time.Hour // of a person
	maxInputBytes      = 16 << 10       // of a script that the responder starts
)
